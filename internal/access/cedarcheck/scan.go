package cedarcheck

import "strings"

// hasChain reports whether the text uses `has` with a path (x has a.b). Cedar
// rewrites that into one copy of x for every step, so a few nested ones grow
// without bound before any other limit can apply; and no record of the schema is
// nested, so nobody needs it.
func hasChain(text string) bool {
	before, last := "", ""
	for text != "" {
		var token string
		token, text = nextToken(text)
		if token == "." && before == "has" && last != "." {
			return true
		}
		if token != "" {
			before, last = last, token
		}
	}
	return false
}

// nextToken cuts one identifier, string literal or other byte off the text;
// spaces and comments give an empty token. It follows Cedar's scanner to the
// letter where the two could see different tokens: a line comment ends at a line
// feed only, and digits end where a letter begins.
func nextToken(text string) (token, rest string) {
	switch c := text[0]; {
	case strings.HasPrefix(text, "//"):
		if end := strings.IndexByte(text, '\n'); end >= 0 {
			return "", text[end:]
		}
		return "", ""
	case strings.HasPrefix(text, "/*"):
		if end := strings.Index(text[2:], "*/"); end >= 0 {
			return "", text[end+4:]
		}
		return "", ""
	case c == '"':
		for i := 1; i < len(text); i++ {
			switch text[i] {
			case '\\':
				i++
			case '"':
				return text[:i+1], text[i+1:]
			}
		}
		return text, ""
	case c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
		end := strings.IndexFunc(text, func(r rune) bool {
			return r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
		})
		if end < 0 {
			return text, ""
		}
		return text[:end], text[end:]
	case c <= ' ':
		return "", text[1:]
	}
	return text[:1], text[1:]
}
