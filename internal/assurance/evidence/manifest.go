package evidence

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
)

// Schema names the form of an evidence folder; a reader refuses others.
const Schema = "gatehouse-evidence/1"

// Manifest lists the files of a folder. Its signature is in manifest.sig: a signed
// note (golang.org/x/mod/sumdb/note) over the schema and the SHA-256 of the manifest.
type Manifest struct {
	Schema    string    `json:"schema"`
	Workspace string    `json:"workspace"`
	AsOf      time.Time `json:"as_of"`
	From      time.Time `json:"period_from"`
	To        time.Time `json:"period_to"`
	Tool      string    `json:"tool"`
	// PublicKey verifies the signature. It shows that nothing was altered since; who
	// signed is shown only by a key that the reader knows from elsewhere.
	PublicKey string         `json:"public_key"`
	Files     []ManifestFile `json:"files"`
}

// ManifestFile is one file.
type ManifestFile struct {
	Path   string `json:"path"`
	Size   int    `json:"size"`
	SHA256 string `json:"sha256"`
}

func digest(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

func listFiles(files map[string][]byte) []ManifestFile {
	out := make([]ManifestFile, 0, len(files))
	for name, raw := range files {
		out = append(out, ManifestFile{Path: name, Size: len(raw), SHA256: digest(raw)})
	}
	slices.SortFunc(out, func(a, b ManifestFile) int { return strings.Compare(a.Path, b.Path) })
	return out
}

// sign adds the manifest and its signature to the files.
func sign(files map[string][]byte, m Manifest, key audit.Key) error {
	m.Schema, m.PublicKey, m.Files = Schema, key.Public, listFiles(files)
	raw, err := encode(m)
	if err != nil {
		return fmt.Errorf("writing the manifest: %w", err)
	}
	signed, err := note.Sign(&note.Note{Text: signedText(raw)}, key.Signer)
	if err != nil {
		return fmt.Errorf("signing the manifest: %w", err)
	}
	files[fileManifest], files[fileSignature] = raw, signed
	return nil
}

func signedText(manifest []byte) string { return Schema + "\nsha256 " + digest(manifest) + "\n" }

// openManifest reads the manifest and checks its signature: by a key that the reader
// knows, or by the key in the manifest itself.
func openManifest(files map[string][]byte, known note.Verifiers) (m Manifest, signer string, err error) {
	raw, ok := files[fileManifest]
	signature, signed := files[fileSignature]
	if !ok || !signed {
		return m, "", fmt.Errorf("this is no evidence folder: %s or %s is missing", fileManifest, fileSignature)
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return m, "", fmt.Errorf("the manifest cannot be read: %w", err)
	}
	if m.Schema != Schema {
		return m, "", fmt.Errorf("the folder has the form %.40q; this program reads %s", m.Schema, Schema)
	}
	if known == nil {
		v, err := note.NewVerifier(m.PublicKey)
		if err != nil {
			return m, "", fmt.Errorf("the public key in the manifest cannot be read")
		}
		known = note.VerifierList(v)
	}
	opened, err := note.Open(signature, known)
	if err != nil {
		return m, "", fmt.Errorf("the signature of the manifest does not hold: %v", err)
	}
	if opened.Text != signedText(raw) {
		return m, "", fmt.Errorf("the manifest is not the one that was signed")
	}
	return m, opened.Sigs[0].Name, nil
}
