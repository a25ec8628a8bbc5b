package uring

// What the kernel and we have agreed on: see io_uring_setup(2) and io_uring_enter(2).

const (
	setupSubmitAll    = 1 << 7  // IORING_SETUP_SUBMIT_ALL: go on behind one that failed
	setupSingleIssuer = 1 << 12 // IORING_SETUP_SINGLE_ISSUER: one thread submits,
	setupDeferTasks   = 1 << 13 // IORING_SETUP_DEFER_TASKRUN: and is never interrupted for the ring

	// IORING_FEAT_SINGLE_MMAP and IORING_FEAT_CQE_SKIP.
	wanted = 1<<0 | 1<<11

	offsetEntries = 0x10000000 // IORING_OFF_SQES

	opSend      = 26     // IORING_OP_SEND
	skipSuccess = 1 << 6 // IOSQE_CQE_SKIP_SUCCESS

	submissionSize = 64
	completionSize = 16
)

// params is struct io_uring_params.
type params struct {
	sqEntries, cqEntries, flags, cpu, idle, features, workers uint32
	_                                                         [3]uint32
	sq                                                        submissionOffsets
	cq                                                        completionOffsets
}

// submissionOffsets is struct io_sqring_offsets.
type submissionOffsets struct {
	head, tail, mask, entries, flags, dropped, array, _ uint32
	_                                                   uint64
}

// completionOffsets is struct io_cqring_offsets.
type completionOffsets struct {
	head, tail, mask, size, overflow, entries0, flags, _ uint32
	_                                                    uint64
}

// submission is struct io_uring_sqe.
type submission struct {
	operation, flags uint8
	_                uint16
	fd               int32
	_, address       uint64
	length, message  uint32 // message: flags of send(2)
	tag              uint64
	_                [3]uint64
}

// completion is struct io_uring_cqe.
type completion struct {
	tag    uint64
	result int32
	_      uint32
}
