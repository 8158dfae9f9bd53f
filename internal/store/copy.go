package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// CopyTo copies rows of a kind, as they are, into a table that has the columns of every
// row and its own. The values of those are the same for all of them.
func (t Table) CopyTo(ctx context.Context, tx *Tx, to Table, workspace, kind string, ids []string, extra ...string) error {
	for len(ids) > 0 {
		n := min(len(ids), readChunk)
		chunk := ids[:n]
		ids = ids[n:]
		args := []any{workspace, kind}
		var own strings.Builder
		for _, value := range extra {
			args = append(args, value)
			own.WriteString(", CAST($" + strconv.Itoa(len(args)) + " AS TEXT)")
		}
		from := len(args) + 1
		length := readLength(n)
		for i := range length {
			args = append(args, chunk[min(i, n-1)])
		}
		cols := strings.Join(append([]string{rowColumns}, to.Extra...), ", ")
		if _, err := tx.ExecContext(ctx, "INSERT INTO "+to.Name+" ("+cols+") SELECT "+rowColumns+own.String()+" FROM "+t.Name+" WHERE workspace_id = $1 AND kind = $2 AND id IN ("+Params(from, length)+")", args...); err != nil {
			return fmt.Errorf("copying %d rows of %s: %w", n, t.Name, err)
		}
	}
	return nil
}
