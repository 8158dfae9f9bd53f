package audit

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func testRecord() Record {
	return Record{
		ID: "evt_1", Workspace: "ws_1", OccurredAt: 1_700_000_000_000_000, Door: "rest", Action: "team.created",
		Family: "settings", Effect: "neutral", ActorKind: "member", ActorID: "mem_1", ActorKey: "person:abc",
		TokenID: "tok", BehalfKind: "member", BehalfID: "mem_2", BehalfKey: "person:def", TargetKind: "team",
		TargetID: "team_1", TargetKey: "design\nteam", BeforeDoc: "", AfterDoc: `{"a":1}`, Origin: "sealed:v1:x",
		MFAAgeSeconds: -1, Reasons: "[]", ChangeContext: "{}", RequestID: "req",
	}
}

// The bytes of a leaf are a promise to everyone who keeps a proof: this test may
// gain a version, and may never change.
func TestLeafEncodingVersion1IsFixed(t *testing.T) {
	r := testRecord()
	want := "gatehouse-audit-event/v1\nid 5\nevt_1\nworkspace_id 4\nws_1\noccurred_at 16\n1700000000000000\ndoor 4\nrest\n" +
		"action 12\nteam.created\nfamily 8\nsettings\neffect 7\nneutral\nactor_kind 6\nmember\nactor_id 5\nmem_1\n" +
		"actor_key 10\nperson:abc\ntoken_id 3\ntok\nbehalf_kind 6\nmember\nbehalf_id 5\nmem_2\nbehalf_key 10\nperson:def\n" +
		"target_kind 4\nteam\ntarget_id 6\nteam_1\ntarget_key 11\ndesign\nteam\nbefore_doc 0\n\nafter_doc 7\n{\"a\":1}\n" +
		"origin 11\nsealed:v1:x\nmfa_age_seconds 2\n-1\nreasons 2\n[]\nchange_context 2\n{}\nrequest_id 3\nreq\n"
	if diff := cmp.Diff(want, string(r.Leaf())); diff != "" {
		t.Errorf("leaf differs (-want +got):\n%s", diff)
	}
	if got, want := r.LeafHash().String(), "gZYLvdyUPMl/25piG1pvKiEFAsBxsSgDRRIn/vkV3Hc="; got != want {
		t.Errorf("hash %s, want %s", got, want)
	}
}

func TestLeafReadsBack(t *testing.T) {
	want := testRecord()
	got, err := ParseLeaf(want.Leaf())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("record differs (-want +got):\n%s", diff)
	}
}

func TestLeafHasOneEncoding(t *testing.T) {
	r := testRecord()
	leaf := string(r.Leaf())
	for name, bad := range map[string]string{
		"empty":            "",
		"other version":    strings.Replace(leaf, "/v1", "/v2", 1),
		"leading zero":     strings.Replace(leaf, "id 5", "id 05", 1),
		"plus sign":        strings.Replace(leaf, "id 5", "id +5", 1),
		"negative length":  strings.Replace(leaf, "id 5", "id -5", 1),
		"short length":     strings.Replace(leaf, "id 5", "id 4", 1),
		"endless length":   strings.Replace(leaf, "id 5", "id 9223372036854775807", 1),
		"renamed field":    strings.Replace(leaf, "door ", "gate ", 1),
		"missing field":    strings.Replace(leaf, "door 4\nrest\n", "", 1),
		"number with zero": strings.Replace(leaf, "occurred_at 16\n1", "occurred_at 17\n01", 1),
		"not a number":     strings.Replace(leaf, "mfa_age_seconds 2\n-1", "mfa_age_seconds 2\nxx", 1),
		"text after":       leaf + "x",
		"cut":              leaf[:len(leaf)-1],
		"not UTF-8":        strings.Replace(leaf, "rest", "res\xff", 1),
	} {
		if _, err := ParseLeaf([]byte(bad)); !errors.Is(err, ErrMalformedLeaf) {
			t.Errorf("%s: error %v, want ErrMalformedLeaf", name, err)
		}
	}
}

func FuzzLeaf(f *testing.F) {
	r := testRecord()
	f.Add(r.Leaf())
	f.Add((&Record{}).Leaf())
	f.Add([]byte(leafHeader))
	f.Fuzz(func(t *testing.T, leaf []byte) {
		record, err := ParseLeaf(leaf)
		if err != nil {
			if !errors.Is(err, ErrMalformedLeaf) {
				t.Errorf("error %v does not wrap ErrMalformedLeaf", err)
			}
			return
		}
		if again := record.Leaf(); !bytes.Equal(leaf, again) {
			t.Errorf("leaf %q reads as a record that writes %q", leaf, again)
		}
	})
}

func FuzzRecord(f *testing.F) {
	f.Add("evt_1", "a\nb", int64(-5), "door 4\nrest\n")
	f.Fuzz(func(t *testing.T, id, target string, at int64, doc string) {
		want := Record{ID: strings.ToValidUTF8(id, ""), TargetKey: strings.ToValidUTF8(target, ""), OccurredAt: at, AfterDoc: strings.ToValidUTF8(doc, "")}
		got, err := ParseLeaf(want.Leaf())
		if err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("record %+v reads back as %+v", want, got)
		}
	})
}

func FuzzCheckpoint(f *testing.F) {
	f.Add(Checkpoint{Workspace: "ws_1", Size: 3, Time: testTime}.Text())
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseCheckpoint(text)
		if err != nil {
			if !errors.Is(err, ErrCheckpoint) {
				t.Errorf("error %v does not wrap ErrCheckpoint", err)
			}
			return
		}
		if again, err := parseCheckpoint(c.Text()); err != nil || !again.Time.Equal(c.Time) || again.Root != c.Root || again.Size != c.Size || again.Workspace != c.Workspace {
			t.Errorf("checkpoint %+v reads back as %+v, %v", c, again, err)
		}
	})
}
