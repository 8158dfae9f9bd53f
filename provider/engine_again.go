package provider

import (
	"maps"
	"reflect"
	"slices"
)

// expectedNow is what an object may have become since the plan without anybody's work
// being lost: what the plan was made from, but for attributes that moved where the plan
// moves them. An asset that is destroyed leaves its collections before the same apply
// takes it out of them.
func expectedNow(live, before, doc map[string]any) map[string]any {
	out := maps.Clone(before)
	for name, was := range before {
		is, planned := live[name], doc[name]
		if reflect.DeepEqual(is, planned) || onlyLost(is, was, planned) {
			out[name] = is
		}
	}
	return out
}

// onlyLost reports whether a list lost nothing but elements that the plan drops too.
func onlyLost(is, was, planned any) bool {
	before, ok := was.([]any)
	if !ok {
		return false
	}
	now, _ := is.([]any)
	keep, _ := planned.([]any)
	has := func(list []any, e any) bool {
		return slices.ContainsFunc(list, func(x any) bool { return reflect.DeepEqual(x, e) })
	}
	left := slices.DeleteFunc(slices.Clone(before), func(e any) bool { return !has(keep, e) && !has(now, e) })
	return len(left) == len(now) && (len(left) == 0 || reflect.DeepEqual(left, now))
}
