package audit

import (
	"bytes"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// How people are kept out of the stored rows (X12).
//
// Every person is a subject: a row of audit_subject with a random salt. In the
// log they are person:<ref>, where ref is an HMAC of the person under that salt.
// Every e-mail address in a key, a reason, a document or the change context
// becomes such a pseudonym. Where the target itself is a person, their documents
// are sealed as a whole under a key from the salt (names and telephone numbers
// have no recognisable shape); so are IP and device of whoever acted. Without
// the salt none of it can be read or linked again, and no row has to change.

const (
	tokenPrefix  = "person:"
	erasedPrefix = "erased:"
	refLength    = 26
)

var (
	// An address must not swallow the quote, slash or colon before it
	// ("design/ann@example.com"), else erasing ann@example.com would miss it.
	emailPattern  = regexp.MustCompile(`[\p{L}\p{N}_+][\p{L}\p{N}._%+'-]*@[\p{L}\p{N}](?:[\p{L}\p{N}.-]*[\p{L}\p{N}])?`)
	tokenPattern  = regexp.MustCompile(tokenPrefix + `[a-z2-7]{26}`)
	erasedPattern = regexp.MustCompile(erasedPrefix + `[a-z2-7]{26}`)
)

// personalKinds are the kinds whose key, whatever its shape, is a person.
var personalKinds = []string{"member", "guest", "viewer", "email", "person", "invitation", "scim_user"}

// normalPerson is the spelling under which a person is known.
func normalPerson(s string) string { return strings.ToLower(strings.TrimSpace(cleanText(s))) }

// personOf says which person a (kind, key) is as a whole, or "".
func personOf(kind, key string) string {
	key = normalPerson(key)
	if erasedPattern.MatchString(key) {
		return ""
	}
	if slices.Contains(personalKinds, kind) || key != "" && emailPattern.FindString(key) == key {
		return key
	}
	return ""
}

// personNamed is the person behind free text such as a commit author: the
// address in "Ann <ann@example.com>", else the whole text, a login.
func personNamed(s string) string {
	if email := emailPattern.FindString(s); email != "" {
		return normalPerson(email)
	}
	if erasedPattern.MatchString(s) {
		return ""
	}
	return normalPerson(s)
}

// draft is an event on its way to a row: the people in it are found first, so
// that all of them are resolved at once.
type draft struct {
	event         Event
	before, after document
	people        map[string]bool
}

func newDraft(e Event) (*draft, error) {
	d := &draft{event: e, people: make(map[string]bool)}
	var err error
	if d.before, err = newDocument(e.Before); err != nil {
		return nil, err
	}
	if d.after, err = newDocument(e.After); err != nil {
		return nil, err
	}
	d.addKey(e.Actor.Kind, e.Actor.Key)
	d.addKey(e.Target.Kind, e.Target.Key)
	if b := e.OnBehalfOf; b != nil {
		d.addKey(b.Kind, b.Key)
		d.addText(b.ID)
	}
	d.addText(e.Actor.ID)
	d.addText(e.Target.ID)
	for _, reason := range e.Reasons {
		d.addText(reason)
	}
	if c := e.Change; c != nil {
		d.add(personNamed(c.Author))
		d.add(personNamed(c.Approver))
		for _, text := range []string{c.Commit, c.PullRequest, c.RunURL, c.Stack, c.PlanDigest} {
			d.addText(text)
		}
	}
	d.before.eachText(d.addText)
	d.after.eachText(d.addText)
	return d, nil
}

func (d *draft) add(person string) {
	if person != "" {
		d.people[person] = true
	}
}

func (d *draft) addText(text string) {
	if strings.Contains(text, "@") {
		for _, email := range emailPattern.FindAllString(text, -1) {
			d.add(normalPerson(email))
		}
	}
}

func (d *draft) addKey(kind, key string) {
	if person := personOf(kind, key); person != "" {
		d.add(person)
		return
	}
	d.addText(key)
}

// subjects gives the subject of a person; every person of the draft is in it.
type subjects map[string]*subject

func (known subjects) token(person string) string {
	if person == "" {
		return ""
	}
	return tokenPrefix + known[person].ref
}

// mask replaces the people in a text by their pseudonyms.
func (known subjects) mask(text string) string {
	if strings.Contains(text, "@") {
		text = emailPattern.ReplaceAllStringFunc(text, func(email string) string {
			return known.token(normalPerson(email))
		})
	}
	return maskErased(cleanText(text))
}

func (known subjects) maskKey(kind, key string) string {
	if person := personOf(kind, key); person != "" {
		return known.token(person)
	}
	return known.mask(key)
}

func (known subjects) maskName(name string) string {
	if person := personNamed(name); person != "" {
		return known.token(person)
	}
	return known.mask(name)
}

// maskErased turns the form in which readers see an erased person back into the
// stored one, so that a later event about them (person.erased) is found with it.
func maskErased(text string) string {
	if !strings.Contains(text, erasedPrefix) {
		return text
	}
	return erasedPattern.ReplaceAllStringFunc(text, func(s string) string {
		return tokenPrefix + strings.TrimPrefix(s, erasedPrefix)
	})
}

// cleanText removes what PostgreSQL refuses in a text.
func cleanText(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// record is the row of the event, with every person replaced.
func (d *draft) record(known subjects) (Record, error) {
	e := d.event
	r := Record{
		ID: e.ID, Workspace: e.Workspace, OccurredAt: e.Time.UnixMicro(),
		Door: string(e.Door), Action: e.Action, Family: string(FamilyOf(e.Action)), Effect: string(e.Effect),
		ActorKind: cleanText(e.Actor.Kind), ActorID: known.mask(e.Actor.ID),
		ActorKey: known.maskKey(e.Actor.Kind, e.Actor.Key), TokenID: cleanText(e.Actor.TokenID),
		TargetKind: cleanText(e.Target.Kind), TargetID: known.mask(e.Target.ID),
		TargetKey:     known.maskKey(e.Target.Kind, e.Target.Key),
		MFAAgeSeconds: -1, RequestID: cleanText(e.RequestID),
	}
	if b := e.OnBehalfOf; b != nil {
		r.BehalfKind, r.BehalfID = cleanText(b.Kind), known.mask(b.ID)
		r.BehalfKey = known.maskKey(b.Kind, b.Key)
	}
	if e.MFAAgeSeconds != nil {
		r.MFAAgeSeconds = *e.MFAAgeSeconds
	}
	var err error
	if r.Reasons, err = d.maskedReasons(known); err != nil {
		return Record{}, err
	}
	if r.ChangeContext, err = d.maskedChange(known); err != nil {
		return Record{}, err
	}
	target := known[personOf(e.Target.Kind, e.Target.Key)]
	if r.BeforeDoc, err = d.before.stored(known, target, e.ID, "before_doc"); err != nil {
		return Record{}, err
	}
	if r.AfterDoc, err = d.after.stored(known, target, e.ID, "after_doc"); err != nil {
		return Record{}, err
	}
	r.Origin, err = d.origin(known)
	return r, err
}

func (d *draft) maskedReasons(known subjects) (string, error) {
	if len(d.event.Reasons) == 0 {
		return "", nil
	}
	masked := make([]string, len(d.event.Reasons))
	for i, reason := range d.event.Reasons {
		masked[i] = known.mask(reason)
	}
	text, err := encodeValue(masked)
	return string(text), err
}

func (d *draft) maskedChange(known subjects) (string, error) {
	if d.event.Change == nil {
		return "", nil
	}
	c := *d.event.Change
	c.Author, c.Approver = known.maskName(c.Author), known.maskName(c.Approver)
	for _, text := range []*string{&c.Commit, &c.PullRequest, &c.RunURL, &c.Stack, &c.PlanDigest} {
		*text = known.mask(*text)
	}
	text, err := encodeValue(c)
	return string(text), err
}

// source is where a request came from.
type source struct {
	IP     string `json:"ip,omitempty"`
	Device string `json:"device,omitempty"`
}

// origin is the stored form of IP and device: sealed for the person who acted,
// or on whose behalf, or (a refused sign-in) as whom; plain for machines.
func (d *draft) origin(known subjects) (string, error) {
	e := d.event
	if e.IP == "" && e.Device == "" {
		return "", nil
	}
	text, err := encodeValue(source{IP: cleanText(e.IP), Device: cleanText(e.Device)})
	if err != nil {
		return "", err
	}
	owner := known[personOf(e.Actor.Kind, e.Actor.Key)]
	if owner == nil && e.OnBehalfOf != nil {
		owner = known[personOf(e.OnBehalfOf.Kind, e.OnBehalfOf.Key)]
	}
	if owner == nil {
		owner = known[personOf(e.Target.Kind, e.Target.Key)]
	}
	if owner == nil {
		return string(text), nil
	}
	return owner.seal(e.ID+"/origin", text)
}

// document is a before or after document; tree is set only if it may name people.
type document struct {
	raw  json.RawMessage
	tree any
}

func newDocument(raw json.RawMessage) (document, error) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
		return document{}, nil
	}
	if !bytes.ContainsRune(raw, '@') && !bytes.Contains(raw, []byte(`\u0040`)) && !bytes.Contains(raw, []byte(erasedPrefix)) {
		return document{raw: raw}, nil
	}
	tree, err := decodeDocument(raw)
	return document{raw: raw, tree: tree}, err
}

func (d document) eachText(visit func(string)) { eachText(d.tree, visit) }

// eachText visits every string and every attribute name: an authoritative
// membership is a map from e-mail to role.
func eachText(v any, visit func(string)) {
	switch v := v.(type) {
	case string:
		visit(v)
	case []any:
		for _, element := range v {
			eachText(element, visit)
		}
	case map[string]any:
		for name, element := range v {
			visit(name)
			eachText(element, visit)
		}
	}
}

func mapText(v any, change func(string) string) any {
	switch v := v.(type) {
	case string:
		return change(v)
	case []any:
		changed := make([]any, len(v))
		for i, element := range v {
			changed[i] = mapText(element, change)
		}
		return changed
	case map[string]any:
		changed := make(map[string]any, len(v))
		// In order, so that the outcome is the same if two names mask alike.
		for _, name := range slices.Sorted(maps.Keys(v)) {
			changed[change(name)] = mapText(v[name], change)
		}
		return changed
	default:
		return v
	}
}

// stored is the form of the document in the row: pseudonymised, and sealed if it
// describes a person.
func (d document) stored(known subjects, target *subject, event, column string) (string, error) {
	if d.raw == nil {
		return "", nil
	}
	var text []byte
	if d.tree != nil {
		masked, err := encodeValue(mapText(d.tree, known.mask))
		if err != nil {
			return "", err
		}
		text = masked
	} else {
		var compact bytes.Buffer
		if err := json.Compact(&compact, d.raw); err != nil {
			return "", err
		}
		text = []byte(strings.ToValidUTF8(compact.String(), "\uFFFD"))
	}
	if target == nil {
		return string(text), nil
	}
	return target.seal(event+"/"+column, text)
}
