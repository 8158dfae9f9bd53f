package report

import (
	"slices"
	"strconv"
	"strings"
)

// sortControls orders control ids as people count: A.5.2 before A.5.10.
func sortControls(list []control) {
	slices.SortFunc(list, func(a, b control) int { return slices.CompareFunc(pieces(a.ID), pieces(b.ID), comparePiece) })
}

func pieces(id string) []string {
	return strings.FieldsFunc(id, func(r rune) bool { return strings.ContainsRune(".-() ", r) })
}

func comparePiece(a, b string) int {
	x, errX := strconv.Atoi(a)
	y, errY := strconv.Atoi(b)
	if errX == nil && errY == nil {
		return x - y
	}
	return strings.Compare(a, b)
}
