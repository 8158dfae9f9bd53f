package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// patience is how long a condition in the browser may take on a busy machine. Nothing
// waits that long where all is well.
const patience = 2 * time.Minute

// browser is one tab of a real Chromium, with JavaScript switched off.
type browser struct {
	t   *testing.T
	ctx context.Context

	mu     sync.Mutex
	loaded []cdp.LoaderID // pages, in the order in which they were loaded
	status map[cdp.LoaderID]int64
}

// openBrowser starts a browser of its own for the test: no profile, no network but the
// pages that it is sent to.
func openBrowser(t *testing.T) *browser {
	t.Helper()
	out, err := exec.Command("../../scripts/chromium-bin").Output()
	if err != nil {
		if os.Getenv("GATEHOUSE_REQUIRE_COMPONENTS") == "1" {
			t.Fatal("there is no Chromium although GATEHOUSE_REQUIRE_COMPONENTS=1: run scripts/setup, or name one in CHROMIUM_BIN")
		}
		t.Skip("there is no Chromium: run scripts/setup, or name one in CHROMIUM_BIN")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(strings.TrimSpace(string(out))), chromedp.UserDataDir(t.TempDir()),
		// It opens nothing but our own pages, and as root it has no sandbox.
		chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("no-proxy-server", true),
		chromedp.WindowSize(1100, 900), chromedp.WSURLReadTimeout(patience),
	)
	deadline, stop := context.WithTimeout(context.Background(), 2*patience)
	allocator, closeAll := chromedp.NewExecAllocator(deadline, options...)
	ctx, closeTab := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx)
		closeTab()
		closeAll()
		stop()
	})
	b := &browser{t: t, ctx: ctx, status: map[cdp.LoaderID]int64{}}
	b.do("starting") // so that there is a tab to listen to
	if err := chromedp.Listen(ctx, b.watch); err != nil {
		t.Fatal(err)
	}
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	return b
}

func (b *browser) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.fail(what, err)
	}
}

// fail says what the browser showed when it did not show what was expected.
func (b *browser) fail(what string, err error) {
	b.t.Helper()
	if b.ctx.Err() == nil {
		if text, textErr := chromedp.Run(b.ctx, chromedp.Text(chromedp.CSS("body"))); textErr == nil {
			b.t.Fatalf("%s: %v; the page reads:\n%s", what, err, text)
		}
	}
	b.t.Fatalf("%s: %v", what, err)
}

// open goes to an address as if it had been typed.
func (b *browser) open(url string) {
	b.t.Helper()
	if status := b.goes("opening a page", chromedp.Navigate(url)); status != 200 {
		b.fail("opening a page", fmt.Errorf("status %d", status))
	}
}

// sees waits until the page's heading is the one expected.
func (b *browser) sees(heading string) {
	b.t.Helper()
	b.do("waiting for the heading "+heading, chromedp.WaitVisible(chromedp.Search(`//h1[normalize-space(.)="`+heading+`"]`)))
}

// reads waits until the page holds a text, in one element.
func (b *browser) reads(text string) {
	b.t.Helper()
	b.do("waiting for the words "+text, chromedp.WaitVisible(chromedp.Search(`//main//*[text()[contains(normalize-space(.), "`+text+`")]]`)))
}

// tabTo presses Tab until the control of that role and name has the focus: what
// somebody without a mouse does.
func (b *browser) tabTo(role, name string) {
	b.t.Helper()
	var passed []string
	for range 25 {
		b.do("pressing Tab", chromedp.KeyEvent(kb.Tab))
		for _, n := range b.tree() {
			if n.focused {
				passed = append(passed, n.role+" "+n.name)
				if n.role == role && n.name == name {
					return
				}
			}
		}
	}
	b.t.Fatalf("Tab does not reach the %s %q; it reached %q", role, name, passed)
}

func (b *browser) types(text string) { b.t.Helper(); b.do("typing", chromedp.KeyEvent(text)) }

// enter presses Enter as a keyboard does. chromedp's own event lets a key that has
// followed a link be typed once more into what has the focus then.
func enter(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
	for _, half := range []input.DispatchKeyEventParams{{Type: input.DispatchKeyEventTypeKeyDown, Text: "\r"}, {Type: input.DispatchKeyEventTypeKeyUp}} {
		half.Key, half.Code, half.WindowsVirtualKeyCode = "Enter", "Enter", 13
		if _, err := cdp.Call(ctx, t, input.DispatchKeyEvent, half); err != nil {
			return chromedp.Void{}, err
		}
	}
	return chromedp.Void{}, nil
}

// node is what a screen reader is told about a part of the page.
type node struct {
	role, name, description string
	level                   int
	focused, invalid        bool
}

// tree is the page as a screen reader gets it.
func (b *browser) tree() []node {
	b.t.Helper()
	res := call(b, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	var out []node
	for _, n := range res.Nodes {
		if n.Ignored {
			continue
		}
		it := node{role: plain(n.Role), name: plain(n.Name), description: plain(n.Description)}
		for _, p := range n.Properties {
			switch string(p.Name) {
			case "focused":
				it.focused = plain(p.Value) == "true"
			case "invalid":
				it.invalid = plain(p.Value) == "true"
			case "level":
				it.level, _ = strconv.Atoi(plain(p.Value))
			}
		}
		out = append(out, it)
	}
	return out
}

func plain(v *accessibility.Value) string {
	if v == nil {
		return ""
	}
	var value any
	if json.Unmarshal(v.Value, &value) != nil {
		return ""
	}
	return fmt.Sprint(value)
}

// call sends a command of the protocol that has no action.
func call[P, R any](b *browser, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	res, err := chromedp.Call(b.ctx, command, params)
	if err != nil {
		b.fail(command.Method, err)
	}
	return res
}

// shoot keeps a picture of the page where GATEHOUSE_SCREENSHOTS names a folder, for
// people to look at: narrow and wide, light and dark.
func (b *browser) shoot(name string) {
	b.t.Helper()
	folder := os.Getenv("GATEHOUSE_SCREENSHOTS")
	if folder == "" {
		return
	}
	for _, scheme := range []string{"light", "dark"} {
		call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
		for width, size := range map[int64]string{380: "narrow", 1100: "wide"} {
			b.do("sizing", chromedp.EmulateViewport(width, 800))
			png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
			if err != nil {
				b.fail("taking a picture", err)
			}
			if err := os.WriteFile(filepath.Join(folder, name+"-"+scheme+"-"+size+".png"), png, 0o644); err != nil {
				b.t.Fatal(err)
			}
		}
	}
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{})
}

// goes does what leads to another page, waits until that has been loaded, and answers
// its status.
func (b *browser) goes(what string, steps ...chromedp.Action[chromedp.Void]) int64 {
	b.t.Helper()
	before, _ := b.arrivals()
	b.do(what, steps...)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if n, status := b.arrivals(); n > before {
			return status
		}
		select {
		case <-tick.C:
		case <-b.ctx.Done():
			b.t.Fatalf("%s led nowhere: %v", what, b.ctx.Err())
		}
	}
}

// arrivals counts the pages that were loaded from a server and answers the status of
// the last one.
func (b *browser) arrivals() (n int, status int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, id := range b.loaded {
		if s, fetched := b.status[id]; fetched {
			n, status = n+1, s
		}
	}
	return n, status
}

// watch keeps what the browser tells about its pages.
func (b *browser) watch(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventResponseReceived:
		if e.Type == network.ResourceTypeDocument {
			b.status[e.LoaderID] = e.Response.Status
		}
	case *page.EventLifecycleEvent:
		if e.Name == "load" && !slices.Contains(b.loaded, e.LoaderID) {
			b.loaded = append(b.loaded, e.LoaderID)
		}
	}
}

// wants presses Enter and checks the page that comes.
func (b *browser) wants(status int64, heading string) {
	b.t.Helper()
	if got := b.goes("pressing Enter", enter); got != status {
		b.fail("pressing Enter", fmt.Errorf("status %d, want %d", got, status))
	}
	b.sees(heading)
	b.accessible()
}

// eventually waits for something to be true of the page as a screen reader gets it.
func (b *browser) eventually(what string, holds func([]node) bool) {
	b.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if holds(b.tree()) {
			return
		}
		select {
		case <-tick.C:
		case <-b.ctx.Done():
			b.t.Fatalf("waiting until %s: %v", what, b.ctx.Err())
		}
	}
}

// focused waits until what has the focus is of that role, with a name that begins so.
func (b *browser) focused(role, name string) {
	b.t.Helper()
	b.eventually("the "+role+" "+name+" has the focus", func(all []node) bool {
		return slices.ContainsFunc(all, func(n node) bool { return n.focused && n.role == role && strings.HasPrefix(n.name, name) })
	})
}

// accessible checks what a screen reader is told of the page: landmarks, one heading of
// the first level, a name for everything that can be used.
func (b *browser) accessible() {
	b.t.Helper()
	count := map[string]int{}
	for _, n := range b.tree() {
		role := n.role
		if role == "heading" {
			role = fmt.Sprint("heading ", n.level)
		}
		count[role]++
		switch n.role {
		case "link", "button", "textbox", "radio", "checkbox", "combobox", "radiogroup", "group", "RootWebArea", "navigation", "region", "alert":
			if n.name == "" {
				b.t.Errorf("a %s has no name", n.role)
			}
		}
	}
	for role, want := range map[string]int{"main": 1, "heading 1": 1, "banner": 1, "contentinfo": 1, "RootWebArea": 1} {
		if count[role] != want {
			b.t.Errorf("the page has %d of %s, want %d", count[role], role, want)
		}
	}
	b.narrow()
}

// narrow checks that nothing is cut off, nor scrolled sideways, on 320 pixels (WCAG 2.2
// SC 1.4.10).
func (b *browser) narrow() {
	b.t.Helper()
	b.do("narrowing", chromedp.EmulateViewport(320, 800))
	size := call(b, page.GetLayoutMetrics, cdp.Empty{})
	if got := size.CSSContentSize.Width; got > 320 {
		b.t.Errorf("on 320 pixels the page is %g wide", got)
	}
	b.do("widening", chromedp.ResetViewport())
}
