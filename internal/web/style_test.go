package web

import (
	"fmt"
	"maps"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var (
	schemes  = regexp.MustCompile(`(?s):root \{(.*?)\}`)
	variable = regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]{6});`)
)

// palette reads the colours of a scheme from the style sheet: 0 light, 1 dark.
func palette(t *testing.T, scheme int) map[string]string {
	t.Helper()
	blocks := schemes.FindAllStringSubmatch(string(stylesheet), -1)
	if len(blocks) != 2 {
		t.Fatalf("the style sheet has %d schemes", len(blocks))
	}
	out := map[string]string{}
	for _, m := range variable.FindAllStringSubmatch(blocks[scheme][1], -1) {
		out[m[1]] = m[2]
	}
	return out
}

// luminance is WCAG 2.2's relative luminance of #rrggbb.
func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	n, err := strconv.ParseUint(strings.TrimPrefix(colour, "#"), 16, 32)
	if err != nil {
		t.Fatalf("colour %q: %v", colour, err)
	}
	linear := func(c uint64) float64 {
		v := float64(c) / 255
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(n>>16) + 0.7152*linear(n>>8&255) + 0.0722*linear(n&255)
}

func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	x, y := luminance(t, a), luminance(t, b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func TestContrastIsComputedRight(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want float64
	}{{"#000000", "#ffffff", 21}, {"#777777", "#ffffff", 4.48}, {"#ffffff", "#ffffff", 1}} {
		if got := contrast(t, c.a, c.b); math.Abs(got-c.want) > 0.01 {
			t.Errorf("%s on %s: %.2f, want %.2f", c.a, c.b, got, c.want)
		}
	}
}

// TestColoursCanBeTold: text 4.5:1 (WCAG 2.2 SC 1.4.3), edges of controls and the
// focus ring 3:1 (SC 1.4.11), in the light and in the dark.
func TestColoursCanBeTold(t *testing.T) {
	const text, graphic = 4.5, 3
	for i, scheme := range []string{"light", "dark"} {
		colours := palette(t, i)
		for _, pair := range []struct {
			front, back string
			least       float64
		}{
			{"text", "ground", text}, {"text", "surface", text}, {"text", "tint", text},
			{"muted", "ground", text}, {"muted", "surface", text},
			{"accent", "surface", text}, {"accent", "ground", text}, {"accent-strong", "surface", text}, {"accent-strong", "tint", text},
			{"on-accent", "accent", text}, {"on-accent", "accent-strong", text},
			{"danger", "surface", text}, {"danger", "danger-ground", text},
			{"edge", "surface", graphic}, {"accent", "danger-ground", graphic}, {"danger", "ground", graphic}, {"accent", "tint", graphic},
		} {
			front, back := colours[pair.front], colours[pair.back]
			if front == "" || back == "" {
				t.Fatalf("%s: no colour %s or %s", scheme, pair.front, pair.back)
			}
			if got := contrast(t, front, back); got < pair.least {
				t.Errorf("%s: %s on %s has a contrast of %.2f, less than %.1f", scheme, pair.front, pair.back, got, pair.least)
			}
		}
	}
}

// TestStyleSheetAndPagesAgree: every colour comes from the palette and has a dark
// twin, every class that a page names has a rule, and nothing is loaded from elsewhere.
func TestStyleSheetAndPagesAgree(t *testing.T) {
	css := string(stylesheet)
	light, dark := palette(t, 0), palette(t, 1)
	if a, b := slices.Sorted(maps.Keys(light)), slices.Sorted(maps.Keys(dark)); !slices.Equal(a, b) {
		t.Errorf("light has %v, dark has %v", a, b)
	}
	rules := css[strings.Index(css, "*, *::before"):]
	if found := regexp.MustCompile(`#[0-9a-f]{3,8}\b|rgb\(|url\(|@import`).FindString(rules); found != "" {
		t.Errorf("%q stands outside of the palette", found)
	}
	for _, m := range regexp.MustCompile(`var\(--([a-z-]+)\)`).FindAllStringSubmatch(css, -1) {
		if light[m[1]] == "" && m[1] != "shadow" {
			t.Errorf("--%s is not defined", m[1])
		}
	}
	class := regexp.MustCompile(`class="([a-z ]+)`)
	for _, file := range pageFiles(t) {
		raw, err := os.ReadFile("templates/" + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range class.FindAllStringSubmatch(string(raw), -1) {
			for _, name := range strings.Fields(m[1]) {
				if !regexp.MustCompile(`\.` + name + `\b`).MatchString(css) {
					t.Errorf("%s: class %s has no rule", file, name)
				}
			}
		}
	}
}

func pageFiles(t *testing.T) []string {
	t.Helper()
	entries, err := templateFiles.ReadDir("templates")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	if len(out) < 4 {
		t.Fatal(fmt.Sprint("few templates: ", out))
	}
	return out
}
