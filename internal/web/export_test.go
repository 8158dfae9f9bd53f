package web

// Patterns lists the addresses that pages are served at, for tests that walk them.
func (p *Pages) Patterns() []string {
	var out []string
	for _, rt := range p.routes {
		out = append(out, rt.pattern)
	}
	return out
}

// Break adds an address that fails as told, for tests.
func (p *Pages) Break(pattern string, fail func() error) {
	p.routes = append(p.routes, route{pattern: pattern, get: func(*request) (*answer, error) { return nil, fail() }})
	p.handle(p.routes[len(p.routes)-1])
}

// StylesheetPath is where the style sheet is.
var StylesheetPath = stylesheetPath
