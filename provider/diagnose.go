package provider

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

// label names an object for people: team "design".
func (d *definition) label(key string) string {
	name := strings.ReplaceAll(d.kind.Name, "_", " ")
	if d.kind.Singleton || key == "" {
		return name
	}
	return fmt.Sprintf("%s %q", name, key)
}

// addViolations reports what is wrong at the attributes that the user wrote.
func (d *definition) addViolations(diags *diag.Diagnostics, key string, violations []api.Violation) {
	for _, v := range violations {
		detail := v.Message
		if hint := d.opts.Hints[v.Path]; hint != "" {
			detail += "\n\n" + hint
		}
		if at, ok := attributePath(d.kind.Fields(), v.Path); ok {
			diags.AddAttributeError(writtenAt(at), fmt.Sprintf("Invalid %s of %s", at, d.label(key)), detail)
			continue
		}
		diags.AddError("Invalid "+d.label(key), detail)
	}
}

// addFailure reports an error of the control plane: what failed for which object,
// and what to do about it.
func (d *definition) addFailure(diags *diag.Diagnostics, doing, workspace, key string, err error) {
	summary := fmt.Sprintf("Cannot %s %s", doing, d.label(key))
	problem := client.ProblemOf(err)
	if problem == nil {
		detail := err.Error()
		if errors.Is(err, client.ErrReadOnly) {
			detail = "The provider is configured with read_only = true, so nothing is written. Remove it, or run plan only."
		}
		diags.AddError(summary, detail)
		return
	}
	if len(problem.Errors) > 0 {
		d.addViolations(diags, key, problem.Errors)
		return
	}
	diags.AddError(summary, problemText(problem, d.advice(problem.Code(), workspace, key)))
}

func problemText(p *api.Problem, advice string) string {
	parts := []string{p.Detail}
	if p.Detail == "" {
		parts[0] = p.Title
	}
	if advice != "" {
		parts = append(parts, advice)
	}
	if p.Instance != "" {
		parts = append(parts, "Request "+p.Instance)
	}
	return strings.Join(parts, "\n\n")
}

// advice says what to do about a class of problem.
func (d *definition) advice(code api.Code, workspace, key string) string {
	id := workspace
	if !d.kind.Singleton {
		id = workspace + "/" + key
	}
	switch code {
	case api.CodeUnauthenticated:
		return "Check the token of the provider (GATEHOUSE_TOKEN): it may have expired or been revoked."
	case api.CodeForbidden:
		return "The gatehouse_current_principal data source shows what this token may do."
	case api.CodeConflict:
		return fmt.Sprintf("If it exists already and this configuration shall manage it from now on, import it:\n\n  import {\n    to = %s.example\n    id = %q\n  }", d.typeName(), id)
	case api.CodeNeedsAdoption:
		return fmt.Sprintf("To replace these values set adopt = true; to keep them import first and write them down:\n\n  import {\n    to = %s.example\n    id = %q\n  }", d.typeName(), id)
	case api.CodeOwnedByOtherStack:
		name := d.kind.Name
		if !d.kind.Singleton {
			name += "/" + key
		}
		return fmt.Sprintf("Two stacks must not manage one object. To move it here, take it out of the other configuration (a removed block with destroy = false, which leaves its ownership as it is), release it, and import it:\n\n  gatehouse release --stack <the other stack> %s\n\n  import {\n    to = %s.example\n    id = %q\n  }", name, d.typeName(), id)
	case api.CodePreconditionFailed:
		return "Somebody changed it after this plan was made. Make a new plan and look at the difference."
	case api.CodeRateLimited:
		return "Lower max_concurrency, or raise retry.max_attempts."
	}
	return ""
}

// addProblem is addFailure for what is not about one object of a kind.
func addProblem(diags *diag.Diagnostics, summary string, err error) {
	if p := client.ProblemOf(err); p != nil {
		text := problemText(p, "")
		for _, v := range p.Errors {
			text += "\n\n" + strings.TrimPrefix(v.Path, "/") + ": " + v.Message
		}
		diags.AddError(summary, text)
		return
	}
	diags.AddError(summary, err.Error())
}

// differences lists the attributes in which a planned object differs from the live one.
func differences(fields []api.Field, live, planned map[string]any) []string {
	var out []string
	for i := range fields {
		f := &fields[i]
		p, ok := planned[f.Name]
		if !ok || f.ReadOnly || f.WriteOnly {
			continue
		}
		l := live[f.Name]
		if fmt.Sprint(meaning(f, l)) != fmt.Sprint(meaning(f, p)) {
			out = append(out, fmt.Sprintf("%s: %s -> %s", f.Name, shownValue(l), shownValue(p)))
		}
	}
	return out
}

func shownValue(v any) string {
	if v == nil {
		return "(not set)"
	}
	if m, ok := v.(map[string]any); ok && len(m) > 5 {
		return fmt.Sprintf("%d entries", len(m))
	}
	text := defaultText(v)
	if len(text) > 120 {
		text = text[:117] + "..."
	}
	return text
}
