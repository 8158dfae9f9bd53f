package export

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Write puts the files into a folder, which is made when it is not there. Nothing is
// written when one of them exists: somebody may have changed it since.
func (r *Result) Write(dir string) error {
	var present []string
	for _, f := range r.Files {
		if _, err := os.Lstat(filepath.Join(dir, f.Name)); err == nil {
			present = append(present, f.Name)
		}
	}
	if len(present) > 0 {
		return fmt.Errorf("%s is there already in %s, and export overwrites nothing; name an empty folder with --out", strings.Join(present, ", "), dir)
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return fmt.Errorf("making the folder: %w", err)
	}
	for _, f := range r.Files {
		if err := writeNew(filepath.Join(dir, f.Name), f.Content); err != nil {
			return fmt.Errorf("writing %s: %w", f.Name, err)
		}
	}
	return nil
}

// writeNew writes a file that must not exist, also not by a race. Configurations name
// people, so that they are the writer's alone until they are shared.
func writeNew(path string, content []byte) error {
	f, err := os.OpenFile(filepath.Clean(path), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}
