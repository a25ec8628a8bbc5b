#include "textflag.h"

// func interpolateAVX2(dst, src, rows *int16, n, taps int, phases, pos, step uint64)
//
// For each output sample: the row nearest to the position's fraction, times the input
// from the position's whole part on, added up, rounded, saturated.
TEXT ·interpolateAVX2(SB), NOSPLIT, $0-64
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ rows+16(FP), BX
	MOVQ n+24(FP), CX
	MOVQ taps+32(FP), R8
	MOVQ phases+40(FP), R9
	MOVQ pos+48(FP), R10
	MOVQ step+56(FP), R11
	ADDQ R8, R8               // a row in bytes

sample:
	// AX = row: (fraction*phases + 1<<31) >> 32, as bytes from BX
	MOVL  R10, AX
	IMULQ R9, AX
	MOVQ  $0x80000000, DX
	ADDQ  DX, AX
	SHRQ  $32, AX
	IMULQ R8, AX
	ADDQ  BX, AX

	// DX = input of the first tap
	MOVQ R10, DX
	SHRQ $32, DX
	LEAQ (SI)(DX*2), DX

	VPXOR Y0, Y0, Y0
	XORQ  R12, R12

taps:
	VMOVDQU  (AX)(R12*1), Y1
	VPMADDWD (DX)(R12*1), Y1, Y1
	VPADDD   Y1, Y0, Y0
	ADDQ     $32, R12
	CMPQ     R12, R8
	JLT      taps

	VEXTRACTI128 $1, Y0, X1
	VPADDD       X1, X0, X0
	VPSHUFD      $0x4e, X0, X1
	VPADDD       X1, X0, X0
	VPSHUFD      $0xb1, X0, X1
	VPADDD       X1, X0, X0
	VMOVD        X0, AX
	ADDL         $8192, AX    // unity/2
	SARL         $14, AX      // unityLog
	VMOVD        AX, X0
	VPACKSSDW    X0, X0, X0
	VMOVD        X0, AX
	MOVW         AX, (DI)

	ADDQ $2, DI
	ADDQ R11, R10
	DECQ CX
	JNZ  sample

	VZEROUPPER
	RET
