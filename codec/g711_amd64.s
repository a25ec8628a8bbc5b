#include "textflag.h"

// Every n is a multiple of 16 and at least 16; the callers have checked the bounds.
//
// A code is the segment and the four bits behind the leading one of a magnitude, which is what
// the upper half of a floating point number is. With 14-bit magnitudes (raised by 33 in µ-law) a
// number's bits from the 19th on are the code and 2112. Its nearest code is the one before
// where only the leading one is set: codes of the next segment lie twice as far apart.

DATA ones<>+0(SB)/8, $0x00ff00ff00ff00ff // what the codes of positive samples are inverted with
DATA ones<>+8(SB)/8, $0x00d500d500d500d5
GLOBL ones<>(SB), RODATA|NOPTR, $16

DATA words<>+0(SB)/2, $33     // bias of µ-law
DATA words<>+2(SB)/2, $8191   // largest magnitude
DATA words<>+4(SB)/2, $2112   // what the exponent's bias is too much
DATA words<>+6(SB)/2, $0x0080 // sign of a code
DATA words<>+8(SB)/2, $127    // end of what A-law codes linearly
DATA words<>+10(SB)/2, $15
DATA words<>+12(SB)/2, $7
DATA words<>+14(SB)/2, $132
DATA words<>+16(SB)/2, $8
DATA words<>+18(SB)/2, $256
DATA words<>+20(SB)/2, $0x8000 // no byte, for a shuffle
GLOBL words<>(SB), RODATA|NOPTR, $22

DATA mantissa<>+0(SB)/4, $0x007f0000
GLOBL mantissa<>(SB), RODATA|NOPTR, $4

// 1<<segment of µ-law, and 1<<(segment-1) of A-law but for the first.
DATA shifts<>+0(SB)/8, $0x8040201008040201
DATA shifts<>+8(SB)/8, $0x4020100804020101
GLOBL shifts<>(SB), RODATA|NOPTR, $16

// MAGNITUDE makes 14-bit magnitudes of the samples in Y0, and masks of who is negative in Y1.
#define MAGNITUDE \
	VPSRAW $15, Y0, Y1 \
	VPXOR  Y1, Y0, Y0  \
	VPSRLW $2, Y0, Y0

// SEGMENTS makes codes of the magnitudes in Y0. VPACKSSDW packs each half of a register for itself.
#define SEGMENTS \
	VEXTRACTI128 $1, Y0, X3  \
	VPMOVZXWD    X0, Y2      \
	VPMOVZXWD    X3, Y3      \
	VCVTDQ2PS    Y2, Y2      \
	VCVTDQ2PS    Y3, Y3      \
	VPAND        Y12, Y2, Y4 \
	VPAND        Y12, Y3, Y5 \
	VPCMPEQD     Y11, Y4, Y4 \
	VPCMPEQD     Y11, Y5, Y5 \
	VPSRLD       $19, Y2, Y2 \
	VPSRLD       $19, Y3, Y3 \
	VPADDD       Y4, Y2, Y2  \
	VPADDD       Y5, Y3, Y3  \
	VPACKSSDW    Y3, Y2, Y2  \
	VPERMQ       $0xd8, Y2, Y2 \
	VPSUBW       Y13, Y2, Y2

// STORE gives the codes in Y2 their signs, inverts them and writes them.
#define STORE \
	VPAND        Y14, Y1, Y1 \
	VPXOR        Y15, Y1, Y1 \
	VPXOR        Y1, Y2, Y2  \
	VEXTRACTI128 $1, Y2, X3  \
	VPACKUSWB    X3, X2, X2  \
	VMOVDQU      X2, (DI)

// func compressMulawAVX2(dst *byte, src *int16, n int)
TEXT ·compressMulawAVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX
	VPBROADCASTW words<>+0(SB), Y9
	VPBROADCASTW words<>+2(SB), Y10
	VPXOR        Y11, Y11, Y11
	VPBROADCASTD mantissa<>(SB), Y12
	VPBROADCASTW words<>+4(SB), Y13
	VPBROADCASTW words<>+6(SB), Y14
	VPBROADCASTQ ones<>+0(SB), Y15

mulaw:
	VMOVDQU (SI), Y0
	MAGNITUDE
	VPADDW  Y9, Y0, Y0
	VPMINSW Y10, Y0, Y0
	SEGMENTS
	STORE
	ADDQ    $32, SI
	ADDQ    $16, DI
	SUBQ    $16, CX
	JNZ     mulaw

	VZEROUPPER
	RET

// func compressAlawAVX2(dst *byte, src *int16, n int)
TEXT ·compressAlawAVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX
	VPBROADCASTW words<>+8(SB), Y9
	VPXOR        Y11, Y11, Y11
	VPBROADCASTD mantissa<>(SB), Y12
	VPBROADCASTW words<>+4(SB), Y13
	VPBROADCASTW words<>+6(SB), Y14
	VPBROADCASTQ ones<>+8(SB), Y15

alaw:
	VMOVDQU   (SI), Y0
	MAGNITUDE
	VPSRLW    $2, Y0, Y6
	VPCMPGTW  Y9, Y0, Y7
	SEGMENTS
	VPBLENDVB Y7, Y2, Y6, Y2
	STORE
	ADDQ      $32, SI
	ADDQ      $16, DI
	SUBQ      $16, CX
	JNZ       alaw

	VZEROUPPER
	RET

// SPLIT makes of the codes in Y0, no longer inverted, segments in Y1, ready for a shuffle,
// and masks of who is negative in Y3. Y0 keeps the lowest four bits.
#define SPLIT \
	VPSLLW $8, Y0, Y3   \
	VPSRAW $15, Y3, Y3  \
	VPSRLW $4, Y0, Y1   \
	VPAND  Y10, Y1, Y1  \
	VPAND  Y9, Y0, Y0

// SIGN negates where Y3 says so and writes the samples.
#define SIGN \
	VPXOR   Y3, Y0, Y0 \
	VPSUBW  Y3, Y0, Y0 \
	VMOVDQU Y0, (DI)

// func expandMulawAVX2(dst *int16, src *byte, n int)
TEXT ·expandMulawAVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX
	VPBROADCASTQ ones<>+0(SB), Y8
	VPBROADCASTW words<>+10(SB), Y9
	VPBROADCASTW words<>+12(SB), Y10
	VPBROADCASTW words<>+14(SB), Y11
	VPBROADCASTQ shifts<>+0(SB), Y12
	VPBROADCASTW words<>+20(SB), Y13

fromMulaw:
	VPMOVZXBW (SI), Y0
	VPXOR     Y8, Y0, Y0
	SPLIT
	VPSLLW    $3, Y0, Y0
	VPADDW    Y11, Y0, Y0
	VPOR      Y13, Y1, Y1
	VPSHUFB   Y1, Y12, Y1
	VPMULLW   Y1, Y0, Y0
	VPSUBW    Y11, Y0, Y0
	SIGN
	ADDQ      $16, SI
	ADDQ      $32, DI
	SUBQ      $16, CX
	JNZ       fromMulaw

	VZEROUPPER
	RET

// func expandAlawAVX2(dst *int16, src *byte, n int)
TEXT ·expandAlawAVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX
	VPXOR        Y7, Y7, Y7
	VPBROADCASTQ ones<>+8(SB), Y8
	VPBROADCASTW words<>+10(SB), Y9
	VPBROADCASTW words<>+12(SB), Y10
	VPBROADCASTW words<>+16(SB), Y11
	VPBROADCASTQ shifts<>+8(SB), Y12
	VPBROADCASTW words<>+20(SB), Y13
	VPBROADCASTW words<>+18(SB), Y14

fromAlaw:
	VPMOVZXBW (SI), Y0
	VPXOR     Y8, Y0, Y0
	SPLIT
	VPSLLW    $4, Y0, Y0
	VPADDW    Y11, Y0, Y0
	VPCMPGTW  Y7, Y1, Y4
	VPAND     Y14, Y4, Y4
	VPADDW    Y4, Y0, Y0
	VPOR      Y13, Y1, Y1
	VPSHUFB   Y1, Y12, Y1
	VPMULLW   Y1, Y0, Y0
	SIGN
	ADDQ      $16, SI
	ADDQ      $32, DI
	SUBQ      $16, CX
	JNZ       fromAlaw

	VZEROUPPER
	RET
