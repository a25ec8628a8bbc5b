#include "textflag.h"

// Every n is a multiple of 16 and at least 16; the callers have checked the bounds.

// func addAVX2(sum *int32, src *int16, n int)
TEXT ·addAVX2(SB), NOSPLIT, $0-24
	MOVQ sum+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX

add:
	VPMOVSXWD (SI), Y0
	VPMOVSXWD 16(SI), Y1
	VPADDD    (DI), Y0, Y0
	VPADDD    32(DI), Y1, Y1
	VMOVDQU   Y0, (DI)
	VMOVDQU   Y1, 32(DI)
	ADDQ      $32, SI
	ADDQ      $64, DI
	SUBQ      $16, CX
	JNZ       add

	VZEROUPPER
	RET

// func lessAVX2(dst, sum *int32, own *int16, n int)
TEXT ·lessAVX2(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ sum+8(FP), SI
	MOVQ own+16(FP), DX
	MOVQ n+24(FP), CX

less:
	VPMOVSXWD (DX), Y0
	VPMOVSXWD 16(DX), Y1
	VMOVDQU   (SI), Y2
	VMOVDQU   32(SI), Y3
	VPSUBD    Y0, Y2, Y2
	VPSUBD    Y1, Y3, Y3
	VMOVDQU   Y2, (DI)
	VMOVDQU   Y3, 32(DI)
	ADDQ      $32, DX
	ADDQ      $64, SI
	ADDQ      $64, DI
	SUBQ      $16, CX
	JNZ       less

	VZEROUPPER
	RET

// func rangeAVX2(src *int32, n int) (lo, hi int32)
TEXT ·rangeAVX2(SB), NOSPLIT, $0-24
	MOVQ  src+0(FP), SI
	MOVQ  n+8(FP), CX
	VPXOR Y0, Y0, Y0          // lo, two accumulators each
	VPXOR Y1, Y1, Y1
	VPXOR Y2, Y2, Y2          // hi
	VPXOR Y3, Y3, Y3

range:
	VMOVDQU (SI), Y4
	VMOVDQU 32(SI), Y5
	VPMINSD Y4, Y0, Y0
	VPMINSD Y5, Y1, Y1
	VPMAXSD Y4, Y2, Y2
	VPMAXSD Y5, Y3, Y3
	ADDQ    $64, SI
	SUBQ    $16, CX
	JNZ     range

	VPMINSD      Y1, Y0, Y0
	VPMAXSD      Y3, Y2, Y2
	VEXTRACTI128 $1, Y0, X1
	VEXTRACTI128 $1, Y2, X3
	VPMINSD      X1, X0, X0
	VPMAXSD      X3, X2, X2
	VPSHUFD      $0x4e, X0, X1
	VPSHUFD      $0x4e, X2, X3
	VPMINSD      X1, X0, X0
	VPMAXSD      X3, X2, X2
	VPSHUFD      $0xb1, X0, X1
	VPSHUFD      $0xb1, X2, X3
	VPMINSD      X1, X0, X0
	VPMAXSD      X3, X2, X2
	VMOVD        X0, AX
	VMOVD        X2, BX
	MOVL         AX, lo+16(FP)
	MOVL         BX, hi+20(FP)
	VZEROUPPER
	RET

// func squaresAVX2(src *int16, n int) uint64
//
// Two squares of -32768 add up to 1<<31, which fits unsigned: the pair sums are widened as
// such.
TEXT ·squaresAVX2(SB), NOSPLIT, $0-24
	MOVQ  src+0(FP), SI
	MOVQ  n+8(FP), CX
	VPXOR Y0, Y0, Y0
	VPXOR Y1, Y1, Y1
	VPXOR Y7, Y7, Y7          // zero

squares:
	VMOVDQU    (SI), Y2
	VPMADDWD   Y2, Y2, Y2
	VPUNPCKLDQ Y7, Y2, Y3
	VPUNPCKHDQ Y7, Y2, Y4
	VPADDQ     Y3, Y0, Y0
	VPADDQ     Y4, Y1, Y1
	ADDQ       $32, SI
	SUBQ       $16, CX
	JNZ        squares

	VPADDQ       Y1, Y0, Y0
	VEXTRACTI128 $1, Y0, X1
	VPADDQ       X1, X0, X0
	VPSHUFD      $0x4e, X0, X1
	VPADDQ       X1, X0, X0
	VMOVQ        X0, AX
	MOVQ         AX, ret+16(FP)
	VZEROUPPER
	RET

// func narrowAVX2(dst *int16, src *int32, n int)
TEXT ·narrowAVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX

narrow:
	VMOVDQU   (SI), Y0
	VPACKSSDW 32(SI), Y0, Y0
	VPERMQ    $0xd8, Y0, Y0   // VPACKSSDW packs each half of the register for itself
	VMOVDQU   Y0, (DI)
	ADDQ      $64, SI
	ADDQ      $32, DI
	SUBQ      $16, CX
	JNZ       narrow

	VZEROUPPER
	RET
