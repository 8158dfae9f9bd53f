package sharing

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// conditionHead is what Cedar reads before the text of a condition: the positions
// that its parser reports count from there.
const conditionHead = `permit (principal, action, resource) when {`

// forPolicy is how the checker names what it was given, which the author did not.
var forPolicy = regexp.MustCompile("for policy `[^`]*`, ")

var parserPosition = regexp.MustCompile(`<input>:(\d+):(\d+)`)

// checkCondition refuses a condition that could fail when it is needed. A condition
// that errors denies, but the author should learn of it now, and where.
func checkCondition(at, text string) []api.Violation {
	if text == "" {
		return nil
	}
	err := access.ValidateCondition(text)
	if err == nil {
		return nil
	}
	return []api.Violation{conditionViolation(at, text, err)}
}

// conditionViolation says what is wrong with a condition, and where in it.
func conditionViolation(at, text string, err error) api.Violation {
	return api.Invalid(at, "%s. Write one Cedar expression over principal, resource and context, e.g. context.mfa_age >= 0 && context.mfa_age < 900", inOwnLines(err.Error(), text))
}

// inOwnLines turns positions in what Cedar was given into positions in the condition.
func inOwnLines(message, text string) string {
	message = parserPosition.ReplaceAllStringFunc(message, func(found string) string {
		m := parserPosition.FindStringSubmatch(found)
		line, err1 := strconv.Atoi(m[1])
		column, err2 := strconv.Atoi(m[2])
		if err1 != nil || err2 != nil {
			return found
		}
		lines := strings.Split(text, "\n")
		if line == 1 {
			column -= len(conditionHead)
		}
		if line > len(lines) {
			line, column = len(lines), len(lines[len(lines)-1])+1 // the closing brace: the end of the text
		}
		return fmt.Sprintf("line %d, column %d", line, max(column, 1))
	})
	message = strings.ReplaceAll(message, "parser error: parse error at", "error at")
	return forPolicy.ReplaceAllString(message, "")
}
