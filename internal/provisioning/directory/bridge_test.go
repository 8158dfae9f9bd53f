package directory_test

import (
	"encoding/json"
	"net/http"
	"testing"
)

// call sends a request and decodes the answer, whose status must be as wanted.
func (b *bridge) call(t testing.TB, want int, method, path, body string) map[string]any {
	t.Helper()
	res, err := b.send(method, path, body)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var out map[string]any
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil && res.StatusCode != http.StatusNoContent {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	if res.StatusCode != want {
		t.Fatalf("%s %s: %d, want %d: %v", method, path, res.StatusCode, want, out)
	}
	return out
}

func (b *bridge) post(t testing.TB, path, body string) map[string]any {
	t.Helper()
	return b.call(t, http.StatusCreated, "POST", path, body)
}

func (b *bridge) get(t testing.TB, path string) map[string]any {
	t.Helper()
	return b.call(t, http.StatusOK, "GET", path, "")
}

func (b *bridge) list(t testing.TB, path string) []map[string]any {
	t.Helper()
	var out []map[string]any
	for _, r := range b.get(t, path)["Resources"].([]any) {
		out = append(out, r.(map[string]any))
	}
	return out
}
