package ingress

import (
	"reflect"
	"testing"
)

// Every count is added, also one that is new.
func TestStatsAddEverything(t *testing.T) {
	var a, b Stats
	for i, v := range []*Stats{&a, &b} {
		for f := range reflect.ValueOf(v).Elem().NumField() {
			field := reflect.ValueOf(v).Elem().Field(f)
			if field.CanUint() {
				field.SetUint(uint64(f + i*100))
			} else {
				field.SetInt(int64(f + i*100))
			}
		}
	}
	a.Add(&b)
	for f := range reflect.TypeFor[Stats]().NumField() {
		name, want := reflect.TypeFor[Stats]().Field(f).Name, uint64(2*f+100)
		if v := reflect.ValueOf(a).Field(f); v.CanUint() && v.Uint() != want || v.CanInt() && uint64(v.Int()) != want {
			t.Errorf("%s is %v, want %d", name, v, want)
		}
	}
}
