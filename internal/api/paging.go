package api

// DefaultPageSize and MaxPageSize bound every collection answer.
const (
	DefaultPageSize = 100
	MaxPageSize     = 500
)

// Page is one page of a collection, in key order.
type Page[T any] struct {
	Items []T `json:"items" nullable:"false" doc:"Objects of this page."`
	// NextCursor is empty on the last page.
	NextCursor string `json:"next_cursor,omitempty" doc:"Pass as ?cursor= for the next page; absent on the last."`
}
