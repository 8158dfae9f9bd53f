package assurance

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance/drift"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
)

var (
	_ = declare("GH-CM-01", inSync)
	_ = declare("GH-CM-02", managedAsCode)
	_ = declare("GH-CM-03", changeContext)
	_ = declare("GH-CM-04", overridesReconciled)
)

func inSync(e *evaluation) outcome {
	r := e.s.Drift
	if r == nil {
		e.gap("no drift report was given (--drift, or --state or --chdir to compare now)")
		return e.notAssessed("")
	}
	complete := r.Result != drift.Incomplete
	e.populations = append(e.populations, Population{Name: "drift_report", Query: "gatehouse drift, " + r.State.Source, Count: r.Compared, Complete: complete, Digest: Digest(r)})
	switch age := e.now().Sub(r.GeneratedAt); {
	case !slices.Contains(r.Workspaces, e.s.Run.Workspace):
		e.gap("the drift report is of %s", strings.Join(r.Workspaces, ", "))
	case !complete:
		e.gap("the drift run was incomplete: %s", strings.Join(r.Gaps, "; "))
	case age > e.duration("h"):
		e.gap("the drift report is %s old; %s is the most", age.Round(time.Minute), e.params["h"])
	case age < -time.Minute:
		e.gap("the drift report is from after this snapshot")
	case !e.s.DriftSigned:
		e.gap("the drift report is not signed")
	}
	for i := range r.Items {
		it := &r.Items[i]
		if it.Workspace != e.s.Run.Workspace {
			continue
		}
		detail := fmt.Sprintf("%s: %s %s → %s", it.Class, it.Attribute, drift.ValueText(it.Old), drift.ValueText(it.New))
		if it.Attribute == "" {
			detail = string(it.Class)
		}
		f := Finding{Object: it.Label(), Detail: detail + ", by whom is not known"}
		if it.By != nil {
			f.Detail, f.Event = fmt.Sprintf("%s, by %s via %s at %s", detail, it.By.Actor, it.By.Door, it.By.At.UTC().Format(time.RFC3339)), it.By.Event
		}
		e.findings = append(e.findings, f)
	}
	return e.verdict("The drift run of %s compared %d resources and found no difference.", r.GeneratedAt.UTC().Format(time.RFC3339), r.Compared)
}

// countedKinds are the classes of objects whose share in code is measured: what gives
// access, and the settings.
func countedKinds() []*api.Kind {
	var out []*api.Kind
	for _, k := range api.Kinds() {
		if !k.View && k != api.WorkspaceOwnerKind {
			out = append(out, k)
		}
	}
	return out
}

func managedAsCode(e *evaluation) outcome {
	e.covering("By the ownership that the server has recorded. What the identity provider owns and defaults that nobody ever set are left out of the total; the Owner's membership and suspended identities too.")
	pct := e.number("pct")
	managed, total := 0, 0
	settings := [2]int{}
	for _, kind := range countedKinds() {
		if c, ok := e.s.Objects[kind.Name]; ok && c.NotServed {
			continue
		}
		inCode, all := 0, 0
		for _, o := range list[wire](e, kind) {
			manager, _ := o.manager()
			if manager == api.ManagedBySCIM || manager == api.ManagedBySystem || kind == api.MemberKind && o.text("workspace_role") == "owner" {
				continue
			}
			if active, given := o["active"].(bool); given && !active {
				continue // a suspended identity gives nothing
			}
			all++
			if manager == api.ManagedByTerraform {
				inCode++
			} else if drift.Privileged(kind, o) {
				e.find(kind.Name+" "+quote(o.text("key")), "is privileged and not managed as code")
			}
		}
		managed, total = managed+inCode, total+all
		if kind.Singleton {
			settings[0], settings[1] = settings[0]+inCode, settings[1]+all
			continue
		}
		e.checkShare(strings.ReplaceAll(kind.Plural, "_", " "), inCode, all, pct)
	}
	e.checkShare("settings", settings[0], settings[1], pct)
	if total == 0 && len(e.gaps) == 0 {
		return e.notApplicable("There is nothing yet that code could manage.")
	}
	return e.verdict("%d of %d objects are managed as code, at least %d%% of each class, and no privileged one is left out.", managed, total, pct)
}

func (e *evaluation) checkShare(class string, inCode, all int, pct int64) {
	if all > 0 && int64(inCode*100) < pct*int64(all) {
		e.find(class, "%d of %d are managed as code; %d%% are the least", inCode, all, pct)
	}
}

// changeFamilies are the changes that must come from reviewed code.
var changeFamilies = []audit.Family{audit.FamilySettings, audit.FamilyPolicy, audit.FamilyPermissions, audit.FamilySharing, audit.FamilySSO}

// foundation is the making of a workspace by the operator, before any code can be.
const foundation = "workspace.created"

func changeContext(e *evaluation) outcome {
	fromCode, byHand := 0, 0
	for _, ev := range e.events() {
		if !slices.Contains(changeFamilies, audit.FamilyOf(ev.Action)) || ev.Door == audit.DoorSCIM || ev.Door == audit.DoorSystem || ev.Action == foundation || !changes(&ev) {
			continue
		}
		object := ev.Target.Kind + " " + quote(ev.Target.Key)
		if ev.Change == nil || ev.Change.Stack == "" {
			byHand++
			e.findEvent(&ev, object, "was changed by hand (%s) by %s on %s", ev.Action, drift.ActorText(ev.Actor), ev.Time.Format(time.DateOnly))
			continue
		}
		fromCode++
		c := ev.Change
		switch {
		case c.Commit == "" && c.PullRequest == "" && c.RunURL == "":
			e.findEvent(&ev, object, "was changed from stack %q without commit, pull request or run", c.Stack)
		case c.Approver == "":
			e.findEvent(&ev, object, "was changed from stack %q without an approver", c.Stack)
		case strings.EqualFold(c.Approver, c.Author):
			e.findEvent(&ev, object, "was approved by its author %s", c.Author)
		}
	}
	if fromCode+byHand == 0 && len(e.gaps) == 0 {
		return e.notApplicable("No setting, role or sharing was changed in the period.")
	}
	return e.verdict("Each of %d changes of the period came from code with its context, approved by somebody else than its author.", fromCode)
}

// changes reports whether an event changed an object, as opposed to saying something
// about it.
func changes(ev *audit.Event) bool { return len(ev.Before)+len(ev.After) > 0 }

// overrideMark starts the reason that marks an edit by hand of a code-owned object.
const overrideMark = "override: "

func overridesReconciled(e *evaluation) outcome {
	events := e.events()
	overrides, waiting := 0, 0
	for i := range events {
		ev := &events[i]
		if !slices.ContainsFunc(ev.Reasons, func(r string) bool { return strings.HasPrefix(r, overrideMark) }) {
			continue
		}
		overrides++
		closed, ok := e.closedAt(events[i+1:], ev)
		limit := ev.Time.Add(e.duration("h"))
		object := ev.Target.Kind + " " + quote(ev.Target.Key)
		switch {
		case ok && !closed.After(limit):
		case ok:
			e.findEvent(ev, object, "was edited by hand on %s and reconciled only on %s", ev.Time.Format(time.RFC3339), closed.Format(time.RFC3339))
		case e.now().After(limit):
			e.findEvent(ev, object, "was edited by hand on %s and is not reconciled after %s", ev.Time.Format(time.RFC3339), e.params["h"])
		default:
			waiting++
		}
	}
	if overrides == 0 && len(e.gaps) == 0 {
		return e.notApplicable("No code-owned object was edited by hand in the period.")
	}
	return e.verdict("Of %s by hand of code-owned objects %d are younger than %s; the others were reverted or codified in time.", count(overrides, "edit"), waiting, e.params["h"])
}

// closedAt finds when an edit by hand was reverted or codified: the next change of
// the object from code, or a later complete drift run that does not name it.
func (e *evaluation) closedAt(later []audit.Event, ev *audit.Event) (time.Time, bool) {
	for i := range later {
		next := &later[i]
		if next.Target.Kind == ev.Target.Kind && next.Target.ID == ev.Target.ID && next.Change != nil && next.Change.Stack != "" {
			return next.Time, true
		}
	}
	r := e.s.Drift
	if r == nil || r.Result == drift.Incomplete || !r.GeneratedAt.After(ev.Time) || !slices.Contains(r.Workspaces, e.s.Run.Workspace) {
		return time.Time{}, false
	}
	named := slices.ContainsFunc(r.Items, func(it drift.Item) bool { return it.Kind == ev.Target.Kind && it.ID == ev.Target.ID })
	return r.GeneratedAt, !named
}
