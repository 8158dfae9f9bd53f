package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"time"
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

// plan measures a plan without changes, of many objects, against the same plan of a
// provider that does nothing.
func (b *bench) plan(ctx context.Context) error {
	for _, n := range []int{b.size(1000, 50), b.size(5000, 100)} {
		config := header + fmt.Sprintf(`
resource "gatehouse_team" "t" {
  count       = %d
  slug        = "team-${count.index}"
  name        = "Team ${count.index}"
  description = "One of many."
}
`, n)
		if err := b.comparePlans(ctx, fmt.Sprintf("plan without changes, %d objects", n), fmt.Sprintf("plan%d", n), config, "≤ 1.15, ≤ 20 requests"); err != nil {
			return err
		}
	}
	return nil
}

// planMap is the same for one authoritative map of many memberships.
func (b *bench) planMap(ctx context.Context) error {
	n := b.size(5000, 100)
	config := header + fmt.Sprintf(`
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
`, n/100)
	return b.comparePlans(ctx, fmt.Sprintf("plan without changes, one map of %d memberships", n), "map", config, "≤ 1.5")
}

func (b *bench) comparePlans(ctx context.Context, what, name, config, goal string) error {
	p, err := b.startPlane(ctx, name+"-data")
	if err != nil {
		return err
	}
	defer p.stop()
	if name == "map" {
		if err := p.addMembers(ctx, b.size(5000, 100)); err != nil {
			return err
		}
	}
	proxy, err := countRequests(p.BaseURL)
	if err != nil {
		return err
	}
	defer proxy.Close()
	folder := filepath.Join(b.folder, name)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "main.tf"), []byte(config), 0o644); err != nil {
		return err
	}
	noop, err := b.buildNoop(ctx)
	if err != nil {
		return err
	}
	run := func(providers string, args ...string) (time.Duration, error) {
		rc := filepath.Join(folder, filepath.Base(providers)+".tfrc")
		abs, err := filepath.Abs(providers)
		if err != nil {
			return 0, err
		}
		if err := os.WriteFile(rc, fmt.Appendf(nil, "provider_installation {\n  dev_overrides {\n    \"gatehouse-access/gatehouse\" = %q\n    \"registry.terraform.io/gatehouse-access/gatehouse\" = %q\n  }\n  direct {}\n}\n", abs, abs), 0o644); err != nil {
			return 0, err
		}
		rcAbs, err := filepath.Abs(rc)
		if err != nil {
			return 0, err
		}
		cmd := exec.CommandContext(ctx, b.cli, args...) //nolint:gosec // the command line names the CLI to measure
		cmd.Dir = folder
		cmd.Env = append(os.Environ(), "TF_CLI_CONFIG_FILE="+rcAbs, "GATEHOUSE_ENDPOINT="+proxy.URL, "GATEHOUSE_TOKEN="+p.token, "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1")
		start := time.Now()
		out, err := cmd.CombinedOutput()
		took := time.Since(start)
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return took, fmt.Errorf("%s %s: exit %d\n%s", b.cli, strings.Join(args, " "), exit.ExitCode(), tail(out))
		}
		return took, err
	}
	applied, err := run(b.bin, "apply", "-auto-approve", "-input=false", "-no-color", "-parallelism=40")
	if err != nil {
		return err
	}
	b.add(strings.Replace(what, "plan without changes", "first apply", 1), applied.Round(time.Millisecond).String(), "-", "-", "-")
	// One round to warm up, then rounds that take turns, so that both meet the same
	// machine; the lower median of each counts.
	var real, floor []time.Duration
	var requests int64
	for i := range 3 {
		proxy.n.Store(0)
		r, err := run(b.bin, "plan", "-detailed-exitcode", "-input=false", "-no-color", "-lock=false")
		if err != nil {
			return err
		}
		requests = proxy.n.Load()
		f, err := run(noop, "plan", "-detailed-exitcode", "-input=false", "-no-color", "-lock=false")
		if err != nil {
			return err
		}
		if i > 0 {
			real, floor = append(real, r), append(floor, f)
		}
	}
	r, f := median(real), median(floor)
	b.add(what, fmt.Sprintf("%s, %d requests", r.Round(time.Millisecond), requests), f.Round(time.Millisecond).String()+" (no-op provider)", ratio(r, f), goal)
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
