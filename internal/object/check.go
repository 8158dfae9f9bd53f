package object

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// validate runs the checks that need the database: references, attributes that may
// not change, and the kind's own rules.
func (s *Scope) validate(ctx context.Context, r *erased, c *change) ([]api.Violation, error) {
	var out []api.Violation
	next, old := structOf(c.new), reflect.Value{}
	if c.old != nil {
		old = structOf(c.old)
	}
	for _, f := range c.kind.Fields() {
		v := fieldByName(next, f.Name)
		if f.Immutable && old.IsValid() && !reflect.DeepEqual(v.Interface(), fieldByName(old, f.Name).Interface()) {
			out = append(out, api.Violation{Path: "/" + f.Name, Code: api.ViolationImmutable,
				Message: fmt.Sprintf("cannot be changed from %v once the %s exists; make a new one", fieldByName(old, f.Name).Interface(), c.kind.Name)})
		}
		if f.Ref == "" || v.Kind() != reflect.String || v.String() == "" {
			continue
		}
		if old.IsValid() && fieldByName(old, f.Name).String() == v.String() {
			continue
		}
		ref := api.KindByName(f.Ref)
		ok, err := s.Exists(ctx, ref, s.keyOf(ref, v.String()))
		if err != nil {
			return nil, err
		}
		if !ok {
			out = append(out, MissingReference("/"+f.Name, ref, v.String()))
		}
	}
	if r.validate != nil {
		more, err := r.validate(ctx, c)
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	return out, nil
}

// MissingReference is the violation of an attribute that names what does not exist.
func MissingReference(path string, kind *api.Kind, key string) api.Violation {
	name := strings.ReplaceAll(kind.Name, "_", " ")
	return api.Violation{Path: path, Code: api.ViolationReference, Kind: kind.Name, Key: strings.ToLower(key),
		Message: fmt.Sprintf("there is no %s %q; create it first, and in Terraform refer to its resource (gatehouse_%s.….) so that it is created before", name, key, kind.Name)}
}

// ownerOnly lists the attributes of the change that only the Owner may set (X08).
func ownerOnly(c *change, defaults api.Object) []string {
	var out []string
	was := c.old
	if was == nil {
		was = defaults
	}
	for _, f := range c.kind.Fields() {
		if !f.OwnerOnly || c.new == nil {
			continue
		}
		next := fieldByName(structOf(c.new), f.Name).Interface()
		before := f.Default // a kind with required attributes has no default object
		if before == nil {
			before = reflect.Zero(reflect.TypeOf(next)).Interface()
		}
		if was != nil {
			before = fieldByName(structOf(was), f.Name).Interface()
		}
		if !reflect.DeepEqual(next, before) {
			out = append(out, f.Name)
		}
	}
	return out
}

// carryReadOnly keeps what the server has computed: read-only attributes, and
// computed ones that the document leaves out.
func carryReadOnly(kind *api.Kind, old, next api.Object) {
	from, to := structOf(old), structOf(next)
	for _, f := range kind.Fields() {
		dst := fieldByName(to, f.Name)
		if f.ReadOnly || f.Computed && dst.IsZero() {
			dst.Set(fieldByName(from, f.Name))
		}
	}
}

func structOf(obj api.Object) reflect.Value { return reflect.ValueOf(obj).Elem() }

// fieldByName finds a struct field by its JSON name.
func fieldByName(v reflect.Value, name string) reflect.Value {
	t := v.Type()
	for i := range t.NumField() {
		if tag, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); tag == name {
			return v.Field(i)
		}
	}
	panic("object: " + t.Name() + " has no field " + name)
}

// takeSecrets removes write-only attributes from an object and returns those given,
// by their path ("oidc/client_secret_wo").
func takeSecrets(kind *api.Kind, obj api.Object) map[string]string {
	out := map[string]string{}
	takeFrom("", kind.Fields(), structOf(obj), out)
	return out
}

func takeFrom(path string, fields []api.Field, v reflect.Value, out map[string]string) {
	for _, f := range fields {
		fv := fieldByName(v, f.Name)
		switch {
		case f.WriteOnly:
			if fv.String() != "" {
				out[path+f.Name] = fv.String()
			}
			fv.SetString("")
		case f.Type == api.TypeObject:
			if fv.Kind() == reflect.Pointer && !fv.IsNil() {
				takeFrom(path+f.Name+"/", f.Fields, fv.Elem(), out)
			}
		}
	}
}

func (s *Scope) place(objectID, name string) string {
	return s.WorkspaceID + "/" + objectID + "/" + name
}

func (s *Scope) keepSecrets(ctx context.Context, objectID string, secrets map[string]string) error {
	for name, secret := range secrets {
		sealed := s.svc.Vault.Seal(s.place(objectID, name), secret)
		if _, err := s.Tx.ExecContext(ctx, `INSERT INTO sealed_secret (workspace_id, object_id, name, ciphertext, updated_at) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (workspace_id, object_id, name) DO UPDATE SET ciphertext = excluded.ciphertext, updated_at = excluded.updated_at`,
			s.WorkspaceID, objectID, name, sealed, s.Now.UnixMicro()); err != nil {
			return fmt.Errorf("keeping a secret: %w", err)
		}
	}
	return nil
}

// Secret opens a write-only attribute that was given for an object; "" when none was.
func (s *Scope) Secret(ctx context.Context, objectID, name string) (string, error) {
	var sealed string
	rows, err := s.Tx.QueryContext(ctx, `SELECT ciphertext FROM sealed_secret WHERE workspace_id = $1 AND object_id = $2 AND name = $3`, s.WorkspaceID, objectID, name)
	if err != nil {
		return "", fmt.Errorf("reading a secret: %w", err)
	}
	defer func() { _ = rows.Close() }()
	if !rows.Next() {
		return "", rows.Err()
	}
	if err := rows.Scan(&sealed); err != nil {
		return "", fmt.Errorf("reading a secret: %w", err)
	}
	return s.svc.Vault.Open(s.place(objectID, name), sealed)
}

// onDestroy reads the on_destroy attribute of a singleton's document.
func onDestroy(doc string) string {
	var d struct {
		OnDestroy string `json:"on_destroy"`
	}
	if json.Unmarshal([]byte(doc), &d) != nil {
		return ""
	}
	return d.OnDestroy
}
