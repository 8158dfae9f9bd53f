package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

func (s *story) gatehouse() string { return filepath.Join(s.bin, "gatehouse") }

// apply makes both workspaces as code says, and plans again to see nothing left.
func (s *story) apply(ctx context.Context) error {
	s.title("Two workspaces, two stacks: plan, apply, and a second plan that is empty")
	rc := fmt.Sprintf("provider_installation {\n  dev_overrides {\n    \"gatehouse-access/gatehouse\" = %q\n    \"registry.terraform.io/gatehouse-access/gatehouse\" = %q\n  }\n  direct {}\n}\n", s.bin, s.bin)
	if err := os.WriteFile(filepath.Join(s.folder, "terraform.rc"), []byte(rc), 0o644); err != nil {
		return err
	}
	for _, st := range stacks {
		if _, err := s.run(ctx, command{args: []string{s.gatehouse(), "workspace", "create", st.name, "--data", filepath.Join(s.folder, "data"), "--owner", st.owner, "--token-file", s.tokenFile(st)}}); err != nil {
			return err
		}
		env, err := s.environment(st)
		if err != nil {
			return err
		}
		s.say("  (from here, for %s: GATEHOUSE_ENDPOINT=%s GATEHOUSE_TOKEN=$(cat %s) TF_CLI_CONFIG_FILE=%s)", st.name, s.endpoint, s.relative(s.tokenFile(st)), s.relative(filepath.Join(s.folder, "terraform.rc")))
		folder := s.code(st)
		if err := os.CopyFS(folder, os.DirFS(filepath.Join(s.root, "examples", st.name))); err != nil {
			return err
		}
		plan := filepath.Join(folder, "tfplan")
		for _, args := range [][]string{
			{s.cli, "-chdir=" + folder, "plan", "-input=false", "-no-color", "-compact-warnings", "-out=" + plan},
			{s.cli, "-chdir=" + folder, "apply", "-input=false", "-no-color", "-compact-warnings", plan},
			{s.cli, "-chdir=" + folder, "plan", "-input=false", "-no-color", "-compact-warnings", "-detailed-exitcode"},
		} {
			out, err := s.run(ctx, command{args: args, quiet: env, mute: true})
			if err != nil {
				return err
			}
			indent(gist(out))
		}
	}
	return nil
}

// key is the file that signs reports, kept in the demo's folder.
func (s *story) key() string { return filepath.Join(s.folder, "evidence.key") }

func (s *story) code(st stack) string { return filepath.Join(s.folder, st.name) }

// gist keeps the lines of a plan or apply that say how it ended.
func gist(out string) string {
	var keep []string
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "Plan:") || strings.HasPrefix(line, "Apply complete!") || strings.HasPrefix(line, "No changes.") || strings.Contains(line, "Error:") {
			keep = append(keep, line)
		}
	}
	return strings.Join(keep, "\n")
}

// provision replays what the two identity providers push.
func (s *story) provision(ctx context.Context) error {
	s.title("Joiners, movers and a leaver, as Okta and Entra push them")
	for _, st := range stacks {
		env, err := s.environment(st)
		if err != nil {
			return err
		}
		token, err := s.scimToken(ctx, st)
		if err != nil {
			return err
		}
		streams, err := filepath.Glob(filepath.Join(s.root, st.stream, "*.scim"))
		if err != nil || len(streams) == 0 {
			return errors.Join(fmt.Errorf("no stream in %s", st.stream), err)
		}
		mover, leaver := people(st)
		for _, stream := range streams {
			name := filepath.Base(stream)
			isLeaver := strings.Contains(name, "leaver")
			if isLeaver {
				if err := s.leaverBefore(ctx, st, leaver); err != nil {
					return err
				}
			}
			if strings.Contains(name, "mover") {
				s.say("  before: %s", mover)
				if err := s.show(ctx, st, env, mover); err != nil {
					return err
				}
			}
			if _, err := s.run(ctx, command{args: []string{s.gatehouse(), "scim", "play", stream}, quiet: append(env, "GATEHOUSE_SCIM_TOKEN="+token)}); err != nil {
				return err
			}
			if strings.Contains(name, "mover") {
				s.say("  after: %s", mover)
				if err := s.show(ctx, st, env, mover); err != nil {
					return err
				}
			}
			if isLeaver {
				if err := s.leaverAfter(ctx, st, leaver); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// people names who moves and who leaves in a stream.
func people(st stack) (mover, leaver string) {
	if st.connection == "okta" {
		return "nina@example.com", "omar@example.com"
	}
	return "sven@example.com", "tara@example.com"
}

// scimToken reads the token's value, which no state holds, once through the API.
func (s *story) scimToken(ctx context.Context, st stack) (token string, err error) {
	path := "/v1/workspaces/" + st.name + "/scim_tokens/" + url.PathEscape(st.connection+"/main") + "/secrets"
	fmt.Printf("$ curl -H \"Authorization: Bearer $GATEHOUSE_TOKEN\" -H \"Content-Type: application/json\" -d '{\"rotation\":1}' $GATEHOUSE_ENDPOINT%s\n", path)
	var out struct {
		Secret string `json:"secret"`
	}
	if _, err := s.call(ctx, st, http.MethodPost, path, `{"rotation":1}`, &out); err != nil {
		return "", err
	}
	s.say("  the secret is shown to nobody else; from here it is GATEHOUSE_SCIM_TOKEN")
	return out.Secret, nil
}

// show prints what a person may do where.
func (s *story) show(ctx context.Context, st stack, _ []string, email string) error {
	for _, item := range []string{"/campaigns", "/finance"} {
		if st.name == "wizz-cloud" && item == "/campaigns" {
			continue
		}
		path := "/v1/workspaces/" + st.name + "/access/effective?" + url.Values{"principal": {"member:" + email}, "resource": {item}}.Encode()
		var out struct {
			Level   string                  `json:"level"`
			Reasons []struct{ Text string } `json:"reasons"`
		}
		if _, err := s.call(ctx, st, http.MethodGet, path, "", &out); err != nil {
			return err
		}
		why := ""
		if len(out.Reasons) > 0 {
			why = " (" + out.Reasons[0].Text + ")"
		}
		s.say("    %-12s %s%s", item, out.Level, why)
	}
	return nil
}

func (s *story) leaverBefore(ctx context.Context, st stack, email string) error {
	file := s.leaverToken(st)
	if _, err := s.run(ctx, command{args: []string{s.gatehouse(), "token", "create", "--data", filepath.Join(s.folder, "data"), "--workspace", st.name, "--member", email, "--token-file", file}}); err != nil {
		return err
	}
	status, err := s.whoami(ctx, file)
	if err != nil {
		return err
	}
	s.say("  %s asks who she is, with that token: %d", email, status)
	if status != http.StatusOK {
		return fmt.Errorf("%s was refused before she left", email)
	}
	return nil
}

func (s *story) leaverAfter(ctx context.Context, st stack, email string) error {
	status, err := s.whoami(ctx, s.leaverToken(st))
	if err != nil {
		return err
	}
	s.say("  %s asks again, on the next request: %d", email, status)
	if status != http.StatusUnauthorized {
		return fmt.Errorf("%s has left and was answered %d", email, status)
	}
	return nil
}

func (s *story) leaverToken(st stack) string {
	return filepath.Join(s.folder, st.name+".leaver.token")
}

func (s *story) whoami(ctx context.Context, tokenFile string) (int, error) {
	fmt.Printf("$ curl -H \"Authorization: Bearer $(cat %s)\" $GATEHOUSE_ENDPOINT/v1/whoami\n", s.relative(tokenFile))
	token, err := os.ReadFile(tokenFile)
	if err != nil {
		return 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.endpoint+"/v1/whoami", http.NoBody)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	return res.StatusCode, res.Body.Close()
}

// call asks the API with a stack's token.
func (s *story) call(ctx context.Context, st stack, method, path, body string, into any) (http.Header, error) {
	token, err := os.ReadFile(s.tokenFile(st))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, s.endpoint+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	if res.StatusCode >= 300 {
		return nil, fmt.Errorf("%s %s: %s\n%s", method, path, res.Status, raw)
	}
	return res.Header, json.Unmarshal(raw, into)
}

// drift changes a policy behind Terraform's back and lets gatehouse find it.
func (s *story) drift(ctx context.Context) error {
	s.title("Somebody turns public links on by hand; drift detection says who, when and which way")
	st := stacks[0]
	env, err := s.environment(st)
	if err != nil {
		return err
	}
	admin := filepath.Join(s.folder, "bea.token")
	if _, err := s.run(ctx, command{args: []string{s.gatehouse(), "token", "create", "--data", filepath.Join(s.folder, "data"), "--workspace", st.name, "--member", "bea@example.com", "--token-file", admin}}); err != nil {
		return err
	}
	path := "/v1/workspaces/" + st.name + "/sharing_policy"
	var policy map[string]any
	if _, err := s.call(ctx, st, http.MethodGet, path, "", &policy); err != nil {
		return err
	}
	policy["public_links"] = "allowed"
	body, err := json.Marshal(policy)
	if err != nil {
		return err
	}
	fmt.Printf("$ curl -X PUT -H \"Authorization: Bearer $(cat %s)\" -H \"Content-Type: application/json\" -d '%s' $GATEHOUSE_ENDPOINT%s\n", s.relative(admin), body, path)
	byHand := st
	byHand.name = "bea"
	if _, err := s.call(ctx, byHand, http.MethodPut, path, string(body), &policy); err != nil {
		return err
	}
	report := filepath.Join(s.folder, "drift.json")
	out, err := s.run(ctx, command{args: []string{s.gatehouse(), "drift", "--chdir", s.code(st), "--terraform", s.cli, "--report", report, "--key", s.key()}, quiet: env, want: 2})
	if err != nil {
		return err
	}
	for _, word := range []string{"sharing_policy", "public_links", "disabled", "allowed", "bea@example.com", "WIDENED"} {
		if !strings.Contains(out, word) {
			return fmt.Errorf("the drift report does not say %q", word)
		}
	}
	s.say("  exit code 2: drift")
	return nil
}

// evidence writes the folder and lets an auditor's command verify it.
func (s *story) evidence(ctx context.Context) error {
	s.title("Evidence: checks from state, API and audit log, signed, and verified again")
	st := stacks[0]
	env, err := s.environment(st)
	if err != nil {
		return err
	}
	folder := filepath.Join(s.folder, "evidence")
	if _, err := s.run(ctx, command{args: []string{s.gatehouse(), "evidence", "write", folder, "--chdir", s.code(st), "--terraform", s.cli, "--drift", filepath.Join(s.folder, "drift.json"), "--key", s.key()}, quiet: env, want: 2}); err != nil {
		return err
	}
	s.say("  exit code 2: there are findings, the hand edit above among them; nothing is painted green")
	if _, err := s.run(ctx, command{args: []string{s.gatehouse(), "evidence", "verify", folder}, quiet: env}); err != nil {
		return err
	}
	if _, err := s.run(ctx, command{args: []string{s.gatehouse(), "audit", "verify", "--data", filepath.Join(s.folder, "data"), "--workspace", st.name}}); err != nil {
		return err
	}
	s.say("  open %s in a browser", s.relative(filepath.Join(folder, "report.html")))
	return nil
}
