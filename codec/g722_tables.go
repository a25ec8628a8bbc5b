package codec

// The tables of ITU-T G.722, in the recommendation's fixed-point scales.

// g722Levels are the lower band's 29 decision levels (Q6 of table 14), the last one
// repeated to fill a power of two.
var g722Levels = [32]int32{
	35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786,
	858, 940, 1023, 1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919, 2919, 2919, 2919,
}

// The lower band's codes by interval, for differences below zero and others (ILN, ILP).
var (
	g722Negative = [30]int32{63, 62, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4}
	g722Positive = [30]int32{61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43, 42, 41, 40, 39, 38, 37, 36, 35, 34, 33, 32}
)

// g722Low6 and g722Low4 are the lower band's differences by code, of six bits for the
// output and of the upper four for adaptation (QM6, QM4).
var (
	g722Low6 = [64]int32{
		-136, -136, -136, -136, -24808, -21904, -19008, -16704,
		-14984, -13512, -12280, -11192, -10232, -9360, -8576, -7856,
		-7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576,
		-3168, -2776, -2400, -2032, -1688, -1360, -1040, -728,
		24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192,
		10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456,
		4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032,
		1688, 1360, 1040, 728, 432, 136, -432, -136,
	}
	g722Low4 = [16]int32{
		0, -20456, -12896, -8968, -6288, -4240, -2584, -1200,
		20456, 12896, 8968, 6288, 4240, 2584, 1200, 0,
	}
)

// g722High2 are the upper band's differences by code (QM2).
var g722High2 = [4]int32{-7408, -1616, 7408, 1616}

// g722LowChange and g722HighChange move the logarithm of the step size by code (WL by way
// of RL42, WH by way of RH2).
var (
	g722LowChange  = [16]int32{-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60}
	g722HighChange = [4]int32{798, -214, 798, -214}
)

// g722Exp is 2048 times 2 to the power of n/32 (ILB).
var g722Exp = [32]int32{
	2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834,
	2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
}
