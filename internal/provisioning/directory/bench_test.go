package directory_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

func BenchmarkCreateUser(b *testing.B) {
	br := newBridge(b, objecttest.New(b, store.SQLite))
	b.ResetTimer()
	for i := 0; b.Loop(); i++ {
		res, err := br.send("POST", "/Users", fmt.Sprintf(`{"userName":"p%d@example.com","externalId":"x%d","emails":[{"value":"p%d@example.com","type":"work","primary":true}]}`, i, i, i))
		if err != nil || res.StatusCode != http.StatusCreated {
			b.Fatal(err, res.Status)
		}
		drain(res)
	}
}

func BenchmarkFindByUserName(b *testing.B) {
	br := newBridge(b, objecttest.New(b, store.SQLite))
	br.populate(b, 200)
	b.ResetTimer()
	for i := 0; b.Loop(); i++ {
		res, err := br.send("GET", fmt.Sprintf(`/Users?filter=userName%%20eq%%20%%22crowd-%d@example.com%%22`, i%200), "")
		if err != nil || res.StatusCode != http.StatusOK {
			b.Fatal(err, res.Status)
		}
		drain(res)
	}
}

// BenchmarkPatchOneMember must cost the same whatever the size of the group.
func BenchmarkPatchOneMember(b *testing.B) {
	for _, size := range []int{10, 1000, 20_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			br := newBridge(b, objecttest.New(b, store.SQLite))
			group := br.bigGroup(b, size)
			id := br.join(b, "one@example.com")
			b.ResetTimer()
			for i := 0; b.Loop(); i++ {
				op := add(id)
				if i%2 == 1 {
					op = remove(id)
				}
				res, err := br.send("PATCH", "/Groups/"+group, `{"Operations":[`+op+`]}`)
				if err != nil || res.StatusCode != http.StatusNoContent {
					b.Fatal(err, res.Status)
				}
				drain(res)
			}
		})
	}
}

// BenchmarkFloor is one data row and one audit row: what a durable change costs at least.
func BenchmarkFloor(b *testing.B) {
	f := objecttest.New(b, store.SQLite)
	for i := 0; b.Loop(); i++ {
		err := f.Service.Do(context.Background(), f.Owner, func(s *object.Scope) error {
			if _, err := s.Tx.ExecContext(context.Background(), `INSERT INTO scim_group_member (workspace_id, group_id, member_id, added_at) VALUES ($1, 'g', $2, 1)`, s.WorkspaceID, fmt.Sprint(i)); err != nil {
				return err
			}
			return s.Record("scim_group.updated", audit.Target{Kind: "scim_group", ID: "g"}, audit.EffectNeutral, nil, nil)
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// drain reads an answer to its end, so that its connection is used again.
func drain(res *http.Response) {
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
}
