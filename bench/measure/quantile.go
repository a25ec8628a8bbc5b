//go:build linux

package measure

import (
	"cmp"
	"math"
	"slices"
)

// Quantile returns the smallest of values that at least the share q (0 to 1) of them does
// not exceed, and the zero value if there are none. It sorts values.
func Quantile[T cmp.Ordered](values []T, q float64) T {
	if len(values) == 0 {
		var none T
		return none
	}
	slices.Sort(values)
	rank := int(math.Ceil(q*float64(len(values)))) - 1
	return values[min(max(rank, 0), len(values)-1)]
}

// Median returns the middle of values; it sorts them.
func Median[T cmp.Ordered](values []T) T { return Quantile(values, 0.5) }
