package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/mail"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server/servertest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// Who is erased in these tests, and under which name nobody else is known.
const (
	leaver     = "petra.quill@example.com"
	leaverName = "Petra Quillfeather"
	neighbour  = "not-petra.quill@example.com" // contains the address, and stays
)

// textColumn of the schema.
type textColumn struct{ table, name string }

func textColumns(t *testing.T, db *store.DB) []textColumn {
	t.Helper()
	query := `SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND UPPER(c.type) LIKE '%TEXT%' ORDER BY 1, 2`
	if db.Dialect() == store.Postgres {
		query = `SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema() AND data_type NOT IN ('bigint', 'integer', 'boolean', 'timestamp without time zone') ORDER BY 1, 2`
	}
	var out []textColumn
	err := db.Read(context.Background(), func(tx *store.Tx) error {
		out = nil
		rows, err := tx.QueryContext(context.Background(), query)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var c textColumn
			if err := rows.Scan(&c.table, &c.name); err != nil {
				return err
			}
			out = append(out, c)
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatalf("reading the schema: %v", err)
	}
	return out
}

func TestNoColumnOfTheSchemaIsForgottenWhenAPersonIsErased(t *testing.T) {
	each(t, func(t *testing.T, i *servertest.Instance) {
		columns := textColumns(t, i.Service.DB)
		if len(columns) < 200 {
			t.Fatalf("the schema has %d columns of text; the test does not see it", len(columns))
		}
		for _, c := range columns {
			if c.name != "workspace_id" && !object.Answered(c.table, c.name) {
				t.Errorf("nobody says what becomes of a person in %s.%s: register a Forgetting in the room of the table (object.Forgets), or say why the column names nobody (object.Impersonal)", c.table, c.name)
			}
		}
	})
}

// plantEverywhere puts the person into every column that could hold one, in a row of its
// own for each table that is not of declared objects.
func plantEverywhere(t *testing.T, i *servertest.Instance, member string) (planted []string) {
	t.Helper()
	ctx := context.Background()
	byTable := map[string]bool{}
	for _, c := range textColumns(t, i.Service.DB) {
		byTable[c.table] = true
	}
	said := `{"body":"ask ` + strings.ToUpper(leaver[:1]) + leaver[1:] + ` or ` + neighbour + `","mentions":["` + leaver + `","` + neighbour + `"],"by":"member:` + leaver + `"}`
	document := `{"userName":"` + leaver + `","displayName":"` + leaverName + `","name":{"formatted":"` + leaverName + `"},"emails":[{"value":"` + leaver + `"}]}`
	for _, table := range slices.Sorted(maps.Keys(byTable)) {
		all := object.Forgettings(table)
		if len(all) == 0 || strings.HasPrefix(table, "audit_") {
			continue
		}
		row := map[string]any{}
		for _, c := range textColumns(t, i.Service.DB) {
			if c.table == table {
				row[c.name] = "x-" + c.name
			}
		}
		for _, f := range all {
			for _, name := range f.Text {
				row[name] = said
			}
			for _, name := range f.By {
				row[name] = member
			}
			for _, name := range f.Who {
				row[name] = "member:" + leaver
				switch {
				case strings.HasSuffix(name, "member_id"):
					row[name] = member
				case name == "email", name == "viewer":
					row[name] = leaver
				}
			}
		}
		switch table {
		case "approval_request":
			row["doc"] = `{"purpose":"promotion","summary":"for ` + leaver + `","outside":["` + leaver + `"],"ip":"203.0.113.77"}`
			row["state"] = "approved"
		case "scim_user":
			row["doc"], row["folded"] = document, strings.ToLower(document)
			row["user_name"], row["user_name_key"], row["display_name"] = leaver, leaver, leaverName
		case "scim_email":
			row["value_key"] = leaver
		case "provisioning_event":
			row["request"], row["detail"], row["affected"], row["resource"] = document, "joined "+leaverName, `["`+member+`"]`, "User"
		case "link_throttle":
			row["subject"] = "code/lnk_1/" + leaver
		case "item_comment":
			row["content"] = strings.Replace(said, "ask", "I am "+leaverName+", ask", 1)
		case "trash":
			row["kind"], row["path"], row["refs"] = "project", "/elsewhere", "{}"
		case "delivery":
			row["sealed"] = ""
		}
		row["workspace_id"] = i.WorkspaceID
		insert(t, i, table, row)
		planted = append(planted, table)
	}
	// What others said, and what a directory said of a group.
	insert(t, i, "item_comment", map[string]any{"id": "cmt_other", "author": "member:" + neighbour, "content": said})
	insert(t, i, "provisioning_event", map[string]any{"id": "pevt_group", "resource": "Group", "target": "grp_1",
		"request": `{"Operations":[{"op":"add","path":"members","value":[{"value":"` + member + `","display":"` + leaverName + `"},{"value":"mem_other","display":"Somebody Else"}]}]}`})
	insert(t, i, "scim_user", map[string]any{"member_id": "mem_other", "user_name": neighbour, "user_name_key": neighbour, "display_name": "Somebody Else",
		"doc": `{"userName":"` + neighbour + `","manager":{"value":"` + member + `","displayName":"` + leaverName + `"}}`, "folded": `{"manager":{"value":"` + member + `","displayname":"` + strings.ToLower(leaverName) + `"}}`})
	err := i.Service.Do(ctx, object.System(i.WorkspaceID), func(s *object.Scope) error {
		for _, to := range []string{leaver, "owner@example.com"} {
			if err := mail.Send(ctx, s, mail.Message{To: to, Subject: "About " + leaver, Text: leaver + " was here."}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return planted
}

// insert writes a row; columns that are not given are empty or 0.
func insert(t *testing.T, i *servertest.Instance, table string, row map[string]any) {
	t.Helper()
	ctx := context.Background()
	err := i.Service.DB.Write(ctx, func(tx *store.Tx) error {
		names, err := columnsOf(ctx, tx, table)
		if err != nil {
			return err
		}
		text := map[string]bool{}
		for _, c := range textColumns(t, i.Service.DB) {
			text[c.table+"."+c.name] = true
		}
		args := make([]any, len(names))
		for n, name := range names {
			switch value, given := row[name]; {
			case given:
				args[n] = value
			case name == "workspace_id":
				args[n] = i.WorkspaceID
			case text[table+"."+name]:
				args[n] = ""
			default:
				args[n] = 0
			}
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO `+table+` (`+strings.Join(names, ", ")+`) VALUES (`+store.Params(1, len(names))+`)`, args...)
		return err
	})
	if err != nil {
		t.Fatalf("planting in %s: %v", table, err)
	}
}

func columnsOf(ctx context.Context, tx *store.Tx, table string) ([]string, error) {
	rows, err := tx.QueryContext(ctx, `SELECT * FROM `+table+` WHERE 1 = 0`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	names, err := rows.Columns()
	return names, errors.Join(err, rows.Err())
}

// declareEverywhere names the person in declared objects, and answers their id.
func declareEverywhere(t *testing.T, i *servertest.Instance) string {
	t.Helper()
	author, err := json.Marshal(doc{"commit": "0123abc", "author": leaverName + " <" + leaver + ">", "approver": leaverName})
	if err != nil {
		t.Fatal(err)
	}
	create := func(plural string, d doc) doc {
		t.Helper()
		return want(t, i, 201, call{method: "POST", path: in(i, plural), token: i.OwnerToken, body: d, header: map[string]string{"Gatehouse-Stack": "example.com/infra", "Gatehouse-Change-Context": string(author)}}).object(t)
	}
	put := func(path string, d doc) {
		t.Helper()
		if r := send(t, i, call{method: "PUT", path: in(i, path), token: i.OwnerToken, body: d, header: map[string]string{"Gatehouse-Adopt": "true"}}); r.status != 200 && r.status != 201 {
			t.Fatalf("PUT %s: %d %s", path, r.status, r.body)
		}
	}
	member := create("members", doc{"email": leaver, "display_name": leaverName})
	create("members", doc{"email": neighbour, "display_name": "Somebody Else"})
	create("teams", doc{"slug": "press", "name": "Press"})
	create("team_memberships", doc{"team": "press", "principal": leaver, "role": "editor"})
	create("projects", doc{"path": "/kit", "name": "Kit of " + leaver, "team": "press", "owner": leaver})
	create("folders", doc{"path": "/kit/inner", "name": "Inner"})
	create("projects", doc{"path": "/gone", "name": "Gone", "team": "press", "owner": leaver})
	create("access_grants", doc{"resource": "/kit", "principal": "member:" + leaver, "level": "manage"})
	create("access_grants", doc{"resource": "/gone", "principal": "member:" + leaver, "level": "manage"})
	create("role_assignments", doc{"role": "manager", "principal": "member:" + leaver, "scope": "/kit"})
	create("service_accounts", doc{"name": "robot", "owner": leaver, "workspace_role": "member"})
	create("approval_policies", doc{"name": "two", "steps": []doc{{"approvers": []string{"member:" + leaver, "role:admin"}}}})
	create("notification_channels", doc{"name": "press", "type": "email", "addresses": []string{leaver, neighbour}, "events": []string{"link_viewed"}})
	put("sharing_policy", doc{"external_sharing": "anyone", "guest_access": true})
	create("guests", doc{"email": "visitor@outside.example", "sponsor": leaver, "projects": []string{"/kit"}})
	shared := create("share_links", doc{"name": "kit", "resource": "/kit", "kind": "recipient", "recipients": []string{leaver, neighbour}, "expires_at": time.Now().Add(240 * time.Hour).UTC().Format(time.RFC3339)})
	insert(t, i, "link_view", map[string]any{"link_id": shared["id"], "session_hash": "first", "resource": "/kit", "viewer": leaver, "first_at": 1, "last_at": 2})
	create("share_links", doc{"name": "alone", "resource": "/kit", "kind": "recipient", "recipients": []string{leaver}, "expires_at": time.Now().Add(240 * time.Hour).UTC().Format(time.RFC3339)})
	create("assets", doc{"path": "/kit/teaser"})
	create("access_grants", doc{"resource": "/kit", "principal": "member:owner@example.com", "level": "manage"})
	hers, theirs := i.Token(leaver), i.OwnerToken
	say := func(token, path string, d doc) doc {
		t.Helper()
		r := send(t, i, call{method: "POST", path: in(i, path), token: token, body: d})
		if r.status != 201 {
			t.Fatalf("POST %s: %d %s", path, r.status, r.body)
		}
		return r.object(t)
	}
	review := say(theirs, "reviews", doc{"item": "/kit/teaser", "name": "Cut for " + leaver, "reviewers": []string{leaver}, "instructions": "Ask " + leaver + "."})["id"].(string)
	first := say(hers, "comments", doc{"review": review, "body": "I, " + leaverName + ", like it."})["id"].(string)
	say(hers, "comments", doc{"review": review, "parent": first, "body": "Or not."})
	want(t, i, 200, call{method: "PUT", path: in(i, "reviews/"+review+"/verdict"), token: hers, body: doc{"verdict": "approved", "comment": "Says " + leaverName + "."}})
	say(hers, "reviews", doc{"item": "/kit/teaser", "name": "Hers", "reviewers": []string{"owner@example.com"}})
	want(t, i, 204, call{method: "DELETE", path: in(i, "projects/"+escape("/gone")), token: hers})
	return member["id"].(string)
}

// traces are the tables and rows in which the person can still be read.
func traces(t *testing.T, i *servertest.Instance) []string {
	t.Helper()
	var out []string
	dump := objecttest.Dump(t, i.Service.DB)
	for _, table := range slices.Sorted(maps.Keys(dump)) {
		for _, row := range dump[table] {
			low := strings.ReplaceAll(strings.ToLower(row), neighbour, "")
			for _, word := range []string{leaver, strings.ReplaceAll(leaver, "@", "%40"), strings.ToLower(leaverName), "203.0.113.77"} {
				if strings.Contains(low, word) {
					out = append(out, fmt.Sprintf("%s: %q in %q", table, word, row))
				}
			}
		}
	}
	return out
}

func TestAnErasedPersonIsFoundInNoTable(t *testing.T) {
	each(t, func(t *testing.T, i *servertest.Instance) {
		erase := call{method: "POST", path: in(i, "persons/erase"), token: i.AdminToken, body: doc{"email": leaver}}
		member := declareEverywhere(t, i)
		wantProblem(t, i, api.CodeConflict, erase)
		want(t, i, 204, call{method: "DELETE", path: in(i, "members/"+escape(leaver)), token: i.OwnerToken})
		planted := plantEverywhere(t, i, member)
		if len(planted) < 20 || len(traces(t, i)) < 30 {
			t.Fatalf("planted in %v, found in %d places", planted, len(traces(t, i)))
		}

		dry := erase
		dry.path += "?dry_run=true"
		var would, did, again api.Erasure
		want(t, i, 200, dry).json(t, &would)
		if len(traces(t, i)) < 30 {
			t.Fatal("the dry run erased something")
		}
		export := want(t, i, 200, call{method: "POST", path: in(i, "persons/export"), token: i.AdminToken, body: doc{"email": leaver}})
		for _, word := range []string{leaverName, "/kit", `"comments"`, `"visits"`, `"provisioning events"`, `"audit events"`, "member.suspended"} {
			if !strings.Contains(export.String(), word) {
				t.Errorf("the export has no %s", word)
			}
		}
		want(t, i, 200, erase).json(t, &did)
		for _, trace := range traces(t, i) {
			t.Errorf("still there: %.600s", trace)
		}
		if !strings.HasPrefix(did.ErasedAs, "erased:") || did.Total == 0 || did.Total != would.Total || would.ErasedAs != "" {
			t.Errorf("erased %+v, the dry run said %+v", did, would)
		}
		want(t, i, 200, erase).json(t, &again)
		if again.Total != 0 || again.ErasedAs != "" {
			t.Errorf("a second time something was erased: %+v", again)
		}
		afterErasure(t, i, did)
	})
}

// afterErasure looks at what stays.
func afterErasure(t *testing.T, i *servertest.Instance, did api.Erasure) {
	t.Helper()
	get := func(path string) doc {
		t.Helper()
		return want(t, i, 200, call{method: "GET", path: in(i, path), token: i.OwnerToken}).object(t)
	}
	wantProblem(t, i, api.CodeNotFound, call{method: "GET", path: in(i, "members/"+escape(leaver)), token: i.OwnerToken})
	if owner := get("projects/" + escape("/kit"))["owner"]; owner != "owner@example.com" {
		t.Errorf("the project is owned by %v, want the Owner", owner)
	}
	if owner := get("service_accounts/robot")["owner"]; owner != "owner@example.com" {
		t.Errorf("the service account is answered for by %v, want the Owner", owner)
	}
	if sponsor := get("guests/visitor@outside.example")["sponsor"]; sponsor != "owner@example.com" {
		t.Errorf("the guest is vouched for by %v, want the Owner", sponsor)
	}
	links := map[string]doc{}
	for _, item := range get("share_links")["items"].([]any) {
		links[item.(doc)["name"].(string)] = item.(doc)
	}
	if got := fmt.Sprint(links["kit"]["recipients"]); got != "["+neighbour+"]" {
		t.Errorf("recipients %s, want the other one", got)
	}
	if got := links["alone"]["state"]; got != "revoked" {
		t.Errorf("the link of nobody is %v, want revoked", got)
	}
	if got := fmt.Sprint(get("notification_channels/press")["addresses"]); got != "["+neighbour+"]" {
		t.Errorf("addresses %s, want the other one", got)
	}
	get("members/" + escape(neighbour))

	// What was said by the person is read as what somebody said who is gone.
	for _, item := range get("reviews")["items"].([]any) {
		id := item.(doc)["id"].(string)
		status := get("reviews/" + id + "/status")
		if item.(doc)["requested_by"] == did.ErasedAs {
			continue
		}
		reviewer := status["reviewers"].([]any)[0].(doc)
		if reviewer["reviewer"] != did.ErasedAs || reviewer["verdict"] != "approved" || status["outcome"] != "approved" {
			t.Errorf("the review is %v, want the verdict of %s", status, did.ErasedAs)
		}
		comments := get("comments?review=" + id)["items"].([]any)
		if len(comments) != 2 {
			t.Errorf("%d comments, want the two that were made", len(comments))
		}
		for _, c := range comments {
			if c := c.(doc); c["author"] != did.ErasedAs || c["deleted"] != true || c["body"] != nil {
				t.Errorf("a comment is %v, want nothing of what was said", c)
			}
		}
	}
	for _, path := range []string{"approval_requests", "provisioning_events", "shares", "trash"} {
		get(path)
	}
	views := get("share_links/" + links["kit"]["id"].(string) + "/activity")["items"].([]any)
	if len(views) != 1 || views[0].(doc)["viewer"] != did.ErasedAs {
		t.Errorf("views %v, want that of %s", views, did.ErasedAs)
	}

	events := want(t, i, 200, call{method: "GET", path: in(i, "audit_events?action=person.erased"), token: i.OwnerToken})
	var page api.Page[audit.Event]
	events.json(t, &page)
	if len(page.Items) != 1 || page.Items[0].Target.Key != did.ErasedAs || strings.Contains(string(page.Items[0].After), "@") {
		t.Errorf("the erasure is recorded as %s, want one event about %s with counts alone", events, did.ErasedAs)
	}
	about := want(t, i, 200, call{method: "GET", path: in(i, "audit_events?target="+escape(did.ErasedAs)), token: i.OwnerToken})
	if !strings.Contains(about.String(), "member.created") {
		t.Errorf("what happened to the person is not found by what they are called now: %.300s", about)
	}
	verified := want(t, i, 200, call{method: "GET", path: in(i, "audit/verify"), token: i.OwnerToken}).object(t)
	if problems, _ := verified["problems"].([]any); len(problems) > 0 {
		t.Errorf("the log does not verify after the erasure: %v", verified)
	}
	// A guest is a person as well.
	guest := call{method: "POST", path: in(i, "persons/erase"), token: i.OwnerToken, body: doc{"email": "visitor@outside.example"}}
	wantProblem(t, i, api.CodeConflict, guest)
	want(t, i, 204, call{method: "DELETE", path: in(i, "guests/visitor@outside.example"), token: i.OwnerToken})
	want(t, i, 200, guest)
	for table, rows := range objecttest.Dump(t, i.Service.DB) {
		for _, row := range rows {
			if strings.Contains(row, "visitor@outside.example") {
				t.Errorf("the guest is still in %s: %s", table, row)
			}
		}
	}
	// The address is free: whoever has it next is somebody else.
	want(t, i, 201, call{method: "POST", path: in(i, "members"), token: i.OwnerToken, body: doc{"email": leaver}})
}

func TestWhoeverHasToStayIsNotErased(t *testing.T) {
	each(t, func(t *testing.T, i *servertest.Instance) {
		erase := func(email string) call {
			return call{method: "POST", path: in(i, "persons/erase"), token: i.OwnerToken, body: doc{"email": email}}
		}
		wantProblem(t, i, api.CodeLockout, erase("owner@example.com"))
		wantProblem(t, i, api.CodeConflict, erase("member@example.com"))
		wantProblem(t, i, api.CodeInvalid, erase("nobody"))
		denied := erase("stranger@outside.example")
		denied.token = i.MemberToken
		wantProblem(t, i, api.CodeForbidden, denied)
		if r := want(t, i, 200, erase("stranger@outside.example")).object(t); r["total"] != 0.0 {
			t.Errorf("of a stranger was erased: %v", r)
		}

		// Who is named alone where somebody has to be.
		want(t, i, 201, call{method: "POST", path: in(i, "members"), token: i.OwnerToken, body: doc{"email": leaver}})
		want(t, i, 201, call{method: "POST", path: in(i, "approval_policies"), token: i.OwnerToken, body: doc{"name": "one", "steps": []doc{{"approvers": []string{"member:" + leaver}}}}})
		want(t, i, 201, call{method: "POST", path: in(i, "teams"), token: i.OwnerToken, body: doc{"slug": "press", "name": "Press"}})
		want(t, i, 201, call{method: "POST", path: in(i, "projects"), token: i.OwnerToken, body: doc{"path": "/case", "name": "Case", "team": "press", "owner": leaver}})
		want(t, i, 201, call{method: "POST", path: in(i, "projects"), token: i.OwnerToken, body: doc{"path": "/press", "name": "Press", "team": "press"}})
		want(t, i, 201, call{method: "POST", path: in(i, "assets"), token: i.OwnerToken, body: doc{"path": "/press/proof", "owner": leaver}})
		want(t, i, 204, call{method: "DELETE", path: in(i, "members/"+escape(leaver)), token: i.OwnerToken})
		if p := wantProblem(t, i, api.CodeReferenced, erase(leaver)); !strings.Contains(p.Detail, `approval policy "one"`) {
			t.Errorf("refused with %q, want the policy named", p.Detail)
		}
		want(t, i, 204, call{method: "DELETE", path: in(i, "approval_policies/one"), token: i.OwnerToken})

		// Legal hold.
		want(t, i, 204, call{method: "DELETE", path: in(i, "projects/"+escape("/case")), token: i.OwnerToken})
		var trash api.Page[api.Trashed]
		want(t, i, 200, call{method: "GET", path: in(i, "trash"), token: i.OwnerToken}).json(t, &trash)
		hold := func(on bool) {
			want(t, i, 200, call{method: "PUT", path: in(i, "trash/"+trash.Items[0].ID+"/legal_hold"), token: i.OwnerToken, body: doc{"legal_hold": on}})
		}
		hold(true)
		if p := wantProblem(t, i, api.CodeReferenced, erase(leaver)); !strings.Contains(p.Detail, "legal hold") || !strings.Contains(p.Detail, "/case") {
			t.Errorf("refused with %q, want the legal hold named", p.Detail)
		}
		hold(false)
		asset := func(held bool) {
			t.Helper()
			if r := send(t, i, call{method: "PUT", path: in(i, "assets/"+escape("/press/proof")), token: i.OwnerToken, body: doc{"path": "/press/proof", "owner": leaver, "legal_hold": held}}); r.status > 201 {
				t.Fatalf("%d %s", r.status, r.body)
			}
		}
		asset(true)
		if p := wantProblem(t, i, api.CodeReferenced, erase(leaver)); !strings.Contains(p.Detail, "/press/proof is under legal hold") {
			t.Errorf("refused with %q, want the asset named", p.Detail)
		}
		asset(false)
		want(t, i, 200, erase(leaver))
		if left := traces(t, i); len(left) > 0 {
			t.Errorf("still there: %v", left)
		}
		restored := want(t, i, 200, call{method: "POST", path: in(i, "trash/"+trash.Items[0].ID+"/restore"), token: i.OwnerToken})
		if p := want(t, i, 200, call{method: "GET", path: in(i, "projects/"+escape("/case")), token: i.OwnerToken}).object(t); p["owner"] != "owner@example.com" {
			t.Errorf("restored %s with owner %v, want the Owner", restored, p["owner"])
		}
	})
}
