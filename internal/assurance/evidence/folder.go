package evidence

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance/drift"
)

// Files of a folder, beside the snapshot.
const (
	fileManifest  = "manifest.json"
	fileSignature = "manifest.sig"
	fileResults   = "results.json"
	fileReport    = "report.html"
	fileDrift     = "drift.json"
	fileReadme    = "README.txt"
	objectsFolder = "snapshot/objects"
)

// maxFile bounds what is read of one file.
const maxFile = 512 << 20

// part is one file of the snapshot, and where it is kept in memory.
type part struct {
	name     string
	value    any
	optional bool // absent when the value is nil
}

// parts lists the files of a snapshot but for the objects, which have one per kind,
// and the drift report, which is signed on its own.
func parts(s *assurance.Snapshot) []part {
	return []part{
		{name: "snapshot/run.json", value: &s.Run},
		{name: "snapshot/state.json", value: &s.State, optional: true},
		{name: "snapshot/audit_events.json", value: &s.Events},
		{name: "snapshot/audit_events_of_people.json", value: &s.People},
		{name: "snapshot/audit_log.json", value: &s.Log},
		{name: "snapshot/provisioning_events.json", value: &s.Provisioning},
		{name: "snapshot/trash.json", value: &s.Trash, optional: true},
		{name: "snapshot/routes.json", value: &s.Routes},
		{name: "snapshot/probes.json", value: &s.Probes},
		{name: "snapshot/register.json", value: &s.Register, optional: true},
	}
}

// encode writes a value as the files hold it.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	err := enc.Encode(v)
	return b.Bytes(), err
}

// pack writes a snapshot as files.
func pack(s *assurance.Snapshot) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, p := range parts(s) {
		raw, err := encode(p.value)
		if err != nil {
			return nil, fmt.Errorf("writing %s: %w", p.name, err)
		}
		if p.optional && string(bytes.TrimSpace(raw)) == "null" {
			continue
		}
		files[p.name] = raw
	}
	for kind, c := range s.Objects {
		raw, err := encode(c)
		if err != nil {
			return nil, fmt.Errorf("writing the objects of kind %s: %w", kind, err)
		}
		files[path.Join(objectsFolder, kind+".json")] = raw
	}
	return files, nil
}

// unpack reads a snapshot from files. The drift report counts as signed only when its
// signature holds.
func unpack(files map[string][]byte) (*assurance.Snapshot, error) {
	s := &assurance.Snapshot{Objects: map[string]assurance.Collection{}}
	for _, p := range parts(s) {
		raw, ok := files[p.name]
		if !ok && p.optional {
			continue
		}
		if !ok {
			return nil, fmt.Errorf("%s is missing", p.name)
		}
		if err := json.Unmarshal(raw, p.value); err != nil {
			return nil, fmt.Errorf("%s cannot be read: %w", p.name, err)
		}
	}
	for name, raw := range files {
		kind, ok := strings.CutPrefix(name, objectsFolder+"/")
		if !ok {
			continue
		}
		var c assurance.Collection
		if err := json.Unmarshal(raw, &c); err != nil {
			return nil, fmt.Errorf("%s cannot be read: %w", name, err)
		}
		s.Objects[strings.TrimSuffix(kind, ".json")] = c
	}
	if raw, ok := files[fileDrift]; ok {
		report, signed, err := drift.Open(raw, nil)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", fileDrift, err)
		}
		s.Drift, s.DriftSigned = report, signed
	}
	return s, nil
}

// readFolder reads every file of a folder. Anything but plain files is refused: a link
// could point at what the signature does not cover.
func readFolder(dir string) (map[string][]byte, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("opening the evidence folder: %w", err)
	}
	defer root.Close()
	files := map[string][]byte{}
	err = filepath.WalkDir(dir, func(at string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, at)
		if err != nil {
			return err
		}
		if !d.Type().IsRegular() {
			return fmt.Errorf("%s is no plain file", name)
		}
		f, err := root.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		raw, err := io.ReadAll(io.LimitReader(f, maxFile+1))
		if err != nil {
			return err
		}
		if len(raw) > maxFile {
			return fmt.Errorf("%s is larger than %d MiB", name, maxFile>>20)
		}
		files[filepath.ToSlash(name)] = raw
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the evidence folder: %w", err)
	}
	return files, nil
}

// ErrNotEmpty says that evidence is not written over something else.
var ErrNotEmpty = errors.New("the folder is not empty; evidence is written to a new one")

// writeFolder writes files to a folder that is new or empty, for its owner to read:
// evidence names people.
func writeFolder(dir string, files map[string][]byte) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making the evidence folder: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("reading the evidence folder: %w", err)
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s: %w", dir, ErrNotEmpty)
	}
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		at := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
			return fmt.Errorf("making the evidence folder: %w", err)
		}
		if err := os.WriteFile(at, files[name], 0o600); err != nil {
			return fmt.Errorf("writing evidence: %w", err)
		}
	}
	return nil
}
