package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

const header = `terraform {
  required_providers {
    gatehouse = { source = "gatehouse-access/gatehouse" }
  }
}
provider "gatehouse" {
  workspace = "bench"
  stack     = "bench"
}
`

const teams = `
resource "gatehouse_team" "t" {
  count       = %d
  slug        = "team-${count.index}"
  name        = "Team ${count.index}"
  description = "One of many."
}
`

// plan measures a plan without changes, of many objects, against the same plan of a
// provider that does nothing.
func (b *bench) plan(ctx context.Context) error {
	for _, n := range []int{b.size(1000, 50), b.size(5000, 100)} {
		w, err := b.startWork(ctx, fmt.Sprintf("plan%d", n))
		if err != nil {
			return err
		}
		err = errors.Join(w.manyTeams(ctx, n), w.comparePlans(ctx, fmt.Sprintf("plan without changes, %d objects", n), "≤ 1.15, ≤ 20 requests"))
		if w.stop(); err != nil {
			return err
		}
	}
	return nil
}

// planMap is the same for one authoritative map of many memberships.
func (b *bench) planMap(ctx context.Context) error {
	n := b.size(5000, 100)
	w, err := b.startWork(ctx, "map")
	if err != nil {
		return err
	}
	defer w.stop()
	if err := w.addMembers(ctx, n); err != nil {
		return err
	}
	if err := w.write(fmt.Sprintf(`
# range stops at 1,024.
locals { people = [for i in setproduct(range(%d), range(100)) : "person-${i[0] * 100 + i[1]}@example.com"] }
resource "gatehouse_team" "t" {
  slug = "everyone"
  name = "Everyone"
}
resource "gatehouse_team_memberships" "m" {
  team    = gatehouse_team.t.slug
  members = { for p in local.people : p => "viewer" }
}
`, n/100)); err != nil {
		return err
	}
	took, err := w.apply(ctx)
	if err != nil {
		return err
	}
	b.add(fmt.Sprintf("first apply, one map of %d memberships", n), took.Round(time.Millisecond).String(), "-", "-", "-")
	return w.comparePlans(ctx, fmt.Sprintf("plan without changes, one map of %d memberships", n), "≤ 1.5")
}

// work is a folder with a configuration, and a plane that it is applied to.
type work struct {
	*plane
	b      *bench
	folder string
	noop   string
	proxy  *counter
}

func (b *bench) startWork(ctx context.Context, name string) (*work, error) {
	noop, err := b.buildNoop(ctx)
	if err != nil {
		return nil, err
	}
	w := &work{b: b, folder: filepath.Join(b.folder, name), noop: noop}
	if err := os.MkdirAll(w.folder, 0o755); err != nil {
		return nil, err
	}
	if w.plane, err = b.startPlane(ctx, name+"-data"); err != nil {
		return nil, err
	}
	if w.proxy, err = countRequests(w.BaseURL); err != nil {
		w.plane.stop()
		return nil, err
	}
	return w, nil
}

func (w *work) stop() {
	w.proxy.Close()
	w.plane.stop()
}

func (w *work) write(config string) error {
	return os.WriteFile(filepath.Join(w.folder, "main.tf"), []byte(header+config), 0o644)
}

// manyTeams leaves a configuration of n teams applied. Terraform makes the first
// hundred; how long that takes is told. The rest are made through the service, and the
// state is written as Terraform would have: applying thousands is not what is measured.
func (w *work) manyTeams(ctx context.Context, n int) error {
	first := min(n, 100)
	if err := w.write(fmt.Sprintf(teams, first)); err != nil {
		return err
	}
	took, err := w.apply(ctx)
	if err != nil {
		return err
	}
	w.b.add(fmt.Sprintf("first apply, %d objects", first), took.Round(time.Millisecond).String(), "-", "-", "-")
	as := *w.owner
	as.Stack = "bench"
	docs := make([]map[string]any, 0, n-first)
	for i := first; i < n; i++ {
		res, err := w.Service.Create(ctx, &as, api.TeamKind, fmt.Appendf(nil, `{"slug":"team-%d","name":"Team %d","description":"One of many."}`, i, i), object.WriteOptions{})
		if err != nil {
			return err
		}
		raw, err := json.Marshal(res.Object)
		if err != nil {
			return err
		}
		var doc map[string]any
		if err := json.Unmarshal(raw, &doc); err != nil {
			return err
		}
		docs = append(docs, doc)
	}
	if err := w.extendState(docs); err != nil {
		return err
	}
	return w.write(fmt.Sprintf(teams, n))
}

// extendState adds an instance for each document, like the first one in the state.
func (w *work) extendState(docs []map[string]any) error {
	path := filepath.Join(w.folder, "terraform.tfstate")
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var state map[string]any
	if err := json.Unmarshal(raw, &state); err != nil {
		return err
	}
	resources, _ := state["resources"].([]any)
	if len(resources) != 1 {
		return fmt.Errorf("the state has %d resources", len(resources))
	}
	res := resources[0].(map[string]any)
	instances := res["instances"].([]any)
	sample := instances[0].(map[string]any)
	for _, doc := range docs {
		next := maps.Clone(sample)
		next["index_key"] = len(instances)
		delete(next, "private")
		attrs := maps.Clone(sample["attributes"].(map[string]any))
		for name, v := range attrs {
			if is, ok := doc[name]; ok && v != nil {
				attrs[name] = is
			}
		}
		next["attributes"] = attrs
		if identity, ok := sample["identity"].(map[string]any); ok {
			identity = maps.Clone(identity)
			identity["key"] = doc["slug"]
			next["identity"] = identity
		}
		instances = append(instances, next)
	}
	res["instances"] = instances
	state["serial"] = state["serial"].(float64) + 1
	if raw, err = json.Marshal(state); err != nil {
		return err
	}
	return os.WriteFile(path, raw, 0o600)
}

func (w *work) apply(ctx context.Context) (time.Duration, error) {
	return w.run(ctx, w.b.bin, nil, "apply", "-auto-approve", "-input=false", "-no-color", "-parallelism=40")
}

// run runs the CLI with the provider that is in a folder and answers how long it took:
// by the clock, or what it and its providers used of the processor.
func (w *work) run(ctx context.Context, providers string, environment []string, args ...string) (time.Duration, error) {
	abs, err := filepath.Abs(providers)
	if err != nil {
		return 0, err
	}
	rc, err := filepath.Abs(filepath.Join(w.folder, filepath.Base(providers)+".tfrc"))
	if err != nil {
		return 0, err
	}
	if err := os.WriteFile(rc, fmt.Appendf(nil, "provider_installation {\n  dev_overrides {\n    \"gatehouse-access/gatehouse\" = %q\n    \"registry.terraform.io/gatehouse-access/gatehouse\" = %q\n  }\n  direct {}\n}\n", abs, abs), 0o644); err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(ctx, w.b.cli, args...) //nolint:gosec // the command line names the CLI to measure
	cmd.Dir = w.folder
	cmd.Env = append(os.Environ(), "TF_CLI_CONFIG_FILE="+rc, "GATEHOUSE_ENDPOINT="+w.proxy.URL, "GATEHOUSE_TOKEN="+w.token, "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1")
	cmd.Env = append(cmd.Env, environment...)
	start := time.Now()
	out, err := cmd.CombinedOutput()
	took := time.Since(start)
	if w.b.processor && cmd.ProcessState != nil {
		took = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return took, fmt.Errorf("%s %s: exit %d\n%s", w.b.cli, strings.Join(args, " "), exit.ExitCode(), tail(out))
	}
	return took, err
}

// comparePlans plans what is applied already, in turns with a provider that does
// nothing: on the same plugin framework, which is the floor, and without it, which
// shows what the framework costs. A first round warms up; the median counts.
func (w *work) comparePlans(ctx context.Context, what, goal string) error {
	sides := []struct {
		providers   string
		environment []string
		took        []time.Duration
	}{{providers: w.b.bin}, {providers: w.noop}, {providers: w.noop, environment: []string{"GATEHOUSE_BENCH_BARE=1"}}}
	var requests int64
	for round := range 4 {
		for i := range sides {
			s := &sides[i]
			w.proxy.n.Store(0)
			took, err := w.run(ctx, s.providers, s.environment, "plan", "-detailed-exitcode", "-input=false", "-no-color", "-lock=false")
			if err != nil {
				return err
			}
			if i == 0 {
				requests = w.proxy.n.Load()
			}
			if round > 0 {
				s.took = append(s.took, took)
			}
		}
	}
	real, floor, bare := median(sides[0].took), median(sides[1].took), median(sides[2].took)
	measured := fmt.Sprintf("%s, %d requests", real.Round(time.Millisecond), requests)
	w.b.add(what, measured, floor.Round(time.Millisecond).String()+" (no-op provider, same framework)", ratio(real, floor), goal)
	w.b.add("  against no framework", measured, bare.Round(time.Millisecond).String()+" (no-op provider without the plugin framework)", ratio(real, bare), "-")
	return nil
}

func (b *bench) buildNoop(ctx context.Context) (string, error) {
	dir := filepath.Join(b.folder, "noop")
	cmd := exec.CommandContext(ctx, "go", "build", //nolint:gosec // builds into the scratch folder
		"-o", filepath.Join(dir, "terraform-provider-gatehouse"), "./internal/bench/noop")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the no-op provider: %w\n%s", err, out)
	}
	return dir, nil
}

func median(d []time.Duration) time.Duration {
	sort.Slice(d, func(i, j int) bool { return d[i] < d[j] })
	return d[(len(d)-1)/2]
}

func ratio(a, b time.Duration) string { return fmt.Sprintf("%.2f", float64(a)/float64(b)) }

func tail(out []byte) string {
	const most = 3000
	if len(out) > most {
		out = out[len(out)-most:]
	}
	return string(out)
}
