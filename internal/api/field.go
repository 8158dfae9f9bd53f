package api

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// FieldType is the shape of an attribute's value.
type FieldType string

// Field types.
const (
	TypeString FieldType = "string"
	TypeBool   FieldType = "bool"
	TypeInt    FieldType = "int"
	TypeTime   FieldType = "time"   // RFC 3339
	TypeList   FieldType = "list"   // of strings or objects
	TypeMap    FieldType = "map"    // string -> string
	TypeObject FieldType = "object" // nested attributes
)

// Field describes one attribute; it is read from the struct tags of the kind, so
// that schema, OpenAPI, checks and documentation cannot disagree.
type Field struct {
	Name      string // JSON field and HCL attribute
	Doc       string
	Type      FieldType
	Required  bool
	ReadOnly  bool // set by the server, ignored on input
	Computed  bool // may be given; the server decides when it is not
	Immutable bool // a change means a new object
	WriteOnly bool // secret: accepted, never stored or returned
	OwnerOnly bool // only the workspace Owner may change it (X08)
	Ordered   bool // list whose order matters
	Filter    bool // lists may be filtered by it
	Format    string
	Enum      []string // allowed values of a string
	Output    []string // further values of a string that only the server writes
	Items     []string // allowed values of list elements
	Values    []string // allowed values of a map
	KeyFormat string   // format of a map's keys
	Default   any      // JSON value that is filled in when absent; nil for none
	Min, Max  *int64
	MaxLength int // of a string, in bytes
	MaxItems  int
	Ref       string  // kind whose key this attribute holds
	Fields    []Field // of an object or a list of objects
}

const (
	defaultMaxLength = 2000
	defaultMaxItems  = 1000
)

// Fields describes the attributes of the kind itself, without Meta.
func (k *Kind) Fields() []Field { return k.fields }

// Field finds an attribute by name; nil when the kind has none of that name.
func (k *Kind) Field(name string) *Field {
	for i := range k.fields {
		if k.fields[i].Name == name {
			return &k.fields[i]
		}
	}
	return nil
}

func fieldsOf(t reflect.Type) []Field {
	var out []Field
	for i := range t.NumField() {
		sf := t.Field(i)
		name, _, _ := strings.Cut(sf.Tag.Get("json"), ",")
		if sf.Anonymous || name == "" || name == "-" {
			continue
		}
		tag := sf.Tag
		f := Field{
			Name: name, Doc: tag.Get("doc"), Format: tag.Get("format"), KeyFormat: tag.Get("keyFormat"), Ref: tag.Get("ref"),
			Required: tag.Get("required") == "true", ReadOnly: tag.Get("readOnly") == "true",
			Computed: tag.Get("computed") == "true", Immutable: tag.Get("immutable") == "true",
			WriteOnly: tag.Get("writeOnly") == "true", OwnerOnly: tag.Get("ownerOnly") == "true",
			Ordered: tag.Get("ordered") == "true", Filter: tag.Get("filter") == "true",
			Enum: split(tag.Get("enum")), Output: split(tag.Get("output")), Items: split(tag.Get("items")), Values: split(tag.Get("values")),
			Min: number(tag.Get("minimum")), Max: number(tag.Get("maximum")),
			MaxLength: defaultMaxLength, MaxItems: defaultMaxItems,
		}
		if n := number(tag.Get("maxLength")); n != nil {
			f.MaxLength = int(*n)
		}
		if n := number(tag.Get("maxItems")); n != nil {
			f.MaxItems = int(*n)
		}
		ft := sf.Type
		if ft.Kind() == reflect.Pointer {
			ft = ft.Elem()
		}
		switch {
		case ft == reflect.TypeFor[time.Time]():
			f.Type = TypeTime
		case ft.Kind() == reflect.String:
			f.Type = TypeString
		case ft.Kind() == reflect.Bool:
			f.Type = TypeBool
		case ft.Kind() == reflect.Int64:
			f.Type = TypeInt
		case ft.Kind() == reflect.Slice:
			f.Type = TypeList
			if ft.Elem().Kind() == reflect.Struct {
				f.Fields, f.Ordered = fieldsOf(ft.Elem()), true
			}
		case ft.Kind() == reflect.Map:
			f.Type = TypeMap
		case ft.Kind() == reflect.Struct:
			f.Type, f.Fields = TypeObject, fieldsOf(ft)
		default:
			panic(fmt.Sprintf("api: %s.%s has a type that attributes cannot have: %s", t, sf.Name, sf.Type))
		}
		if d, ok := tag.Lookup("default"); ok {
			f.Default = defaultValue(f, d)
		}
		out = append(out, f)
	}
	return out
}

func defaultValue(f Field, text string) any {
	switch f.Type {
	case TypeString, TypeTime:
		return text
	default:
		var v any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			panic(fmt.Sprintf("api: default of %s is not JSON: %v", f.Name, err))
		}
		return v
	}
}

func split(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

func number(s string) *int64 {
	if s == "" {
		return nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		panic("api: bad number in a struct tag: " + s)
	}
	return &n
}

// Meaning is what a string value of the attribute says, so that two ways of writing
// the same compare as equal: a moment, a length of time, or the one written form.
func (f *Field) Meaning(s string) any {
	switch {
	case f.Type == TypeTime:
		if t, err := time.Parse(time.RFC3339, s); err == nil {
			return t.UTC().Truncate(time.Microsecond)
		}
	case f.Format == "duration":
		if d, err := ParseDuration(s); err == nil {
			return d
		}
	}
	if norm, message := Normalise(f.Format, s); message == "" {
		return norm
	}
	return s
}
