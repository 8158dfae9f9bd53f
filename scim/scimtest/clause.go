package scimtest

import (
	"fmt"
	"slices"
	"strings"
)

// A clause is one requirement that a standard puts on a service provider, and what
// shows that it is met. Its level is MUST (also SHALL and REQUIRED), SHOULD (also
// RECOMMENDED) or plain: what the text says without a key word, and clients rely on.
// CLAUSES.md is written from all of them.
type clause struct {
	section string
	level   string
	says    string // what is required, in our words
	proof
}

// A proof is a test of the clause's own, tests that show it among other things, or
// the reason why there is none.
type proof struct {
	run   func(c *client)
	by    []string // names of tests, as in reference
	why   string
	met   bool
	unmet bool
}

func must(section, says string, p proof) clause   { return clause{section, "MUST", says, p} }
func should(section, says string, p proof) clause { return clause{section, "SHOULD", says, p} }
func plain(section, says string, p proof) clause  { return clause{section, "plain", says, p} }

// shown is a test of the clause alone; it is run as RFC/section/what the clause says.
func shown(run func(c *client)) proof { return proof{run: run, met: true} }

// by names tests that show the clause among other things.
func by(tests ...string) proof { return proof{by: tests, met: true} }

// elsewhere is shown by a test outside of this suite, which needs more than HTTP.
func elsewhere(test string) proof { return proof{why: "shown by " + test, met: true} }

// moot says why a clause does not apply here.
func moot(why string) proof { return proof{why: "does not apply: " + why} }

// missed says why a clause is not met.
func missed(why string) proof { return proof{why: "**not met**: " + why, unmet: true} }

// standard is one RFC: its clauses, and tests that are no single clause.
type standard struct {
	name    string
	clauses []clause
	tests   []test
}

func standards() []standard {
	return []standard{
		{"RFC7643", coreClauses, coreSchema},
		{"RFC7644", slices.Concat(resourceClauses, queryClauses, patchClauses, bulkClauses, serviceClauses),
			slices.Concat(resourceProtocol, queryProtocol, patchTests(), patchProtocol, bulkProtocol, serviceProtocol)},
		{"RFC9865", cursorClauses, cursorProtocol},
	}
}

// section is the tests of one section, in the order in which they are written.
type section struct {
	name  string
	tests []test
}

// sections sorts tests by the number with which their names begin.
func (s standard) sections() []section {
	var out []section
	add := func(t test) {
		number, name, _ := strings.Cut(t.name, " ")
		i := slices.IndexFunc(out, func(s section) bool { return s.name == number })
		if i < 0 {
			i, out = len(out), append(out, section{name: number})
		}
		out[i].tests = append(out[i].tests, test{name, t.run})
	}
	for _, c := range s.clauses {
		if c.run != nil {
			add(test{c.section + " " + c.says, c.run})
		}
	}
	for _, t := range s.tests {
		add(t)
	}
	slices.SortStableFunc(out, func(a, b section) int { return compareNumbers(a.name, b.name) })
	return out
}

// compareNumbers orders 3.2 before 3.10.
func compareNumbers(a, b string) int {
	var x, y []int
	for _, p := range []struct {
		text string
		into *[]int
	}{{a, &x}, {b, &y}} {
		for _, part := range strings.Split(p.text, ".") {
			n := 0
			for _, r := range part {
				n = n*10 + int(r-'0')
			}
			*p.into = append(*p.into, n)
		}
	}
	return slices.Compare(x, y)
}

// Index is CLAUSES.md: every clause with what shows it.
func Index() string {
	var b strings.Builder
	b.WriteString(`# What the standards require, and what shows it

Every MUST (also SHALL, REQUIRED) and SHOULD (also RECOMMENDED) of RFC 7643 sections 2 to 8, RFC 7644 sections 2 to 7
and RFC 9865 that binds a service provider, and under the level "plain" what the texts say without a
key word where clients rely on it. What binds clients alone is not listed, or says so. Tests are named
RFC/section/promise, and run against the server in process and behind ` + "`gatehouse scim`" + `, on SQLite and
on PostgreSQL. This file is written by ` + "`go test ./scim/scimtest -run TestIndex -write`" + `.

What the list was checked against, sentence by sentence: the whole text of RFC 7644; for RFC 9865 a
late draft of the working group (draft-ietf-scim-cursor-pagination of June 2025, whose section numbers
are used), not the RFC as published; for RFC 7643 the attribute definitions of section 8.7.1 as JSON, an index
by others of its key words with section and line, quotations of section 2.4, and memory. The running text
of RFC 7643 was not at hand: a sentence of it may be worded otherwise than here, and one without a key
word may be missing.

`)
	for _, s := range standards() {
		met, unmet := 0, 0
		for _, c := range s.clauses {
			if c.met {
				met++
			}
			if c.unmet {
				unmet++
			}
		}
		fmt.Fprintf(&b, "## %s\n\n%d met, %d not met, %d do not apply.\n\n| clause | level | requires | shown by |\n|---|---|---|---|\n", s.name, met, unmet, len(s.clauses)-met-unmet)
		sorted := slices.Clone(s.clauses)
		slices.SortStableFunc(sorted, func(a, b clause) int { return compareNumbers(a.section, b.section) })
		for _, c := range sorted {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", c.section, c.level, escape(c.says), escape(c.shownBy(s.name)))
		}
		b.WriteString("\n")
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

func escape(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

func (c clause) shownBy(rfc string) string {
	switch {
	case c.run != nil:
		return fmt.Sprintf("`%s/%s/%s`", rfc, c.section, c.says)
	case c.why != "":
		return c.why
	}
	var names []string
	for _, name := range c.by {
		names = append(names, "`"+reference(rfc, name)+"`")
	}
	return strings.Join(names, "<br>")
}

// reference is the whole name of a test: "3.1 id is the server's" of this standard, or
// "RFC7643/3.1/id is the server's" as it is.
func reference(rfc, name string) string {
	if strings.HasPrefix(name, "RFC") {
		return name
	}
	number, rest, _ := strings.Cut(name, " ")
	return rfc + "/" + number + "/" + rest
}
