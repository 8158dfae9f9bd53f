package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

func newReviewCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "review", Short: "Ask for reviews of items, and answer them",
		Long: `A review asks people to say whether an item is approved or needs changes. Who is named and may
comment on the item answers.`,
	}
	c.AddCommand(newReviewListCommand(), newReviewShowCommand(), newReviewRequestCommand(), newReviewVerdictCommand(), newReviewCommentCommand(), newReviewStateCommand())
	return c
}

func newReviewListCommand() *cobra.Command {
	var from planeFlags
	var item, state, reviewer string
	var limit int
	var asJSON bool
	c := &cobra.Command{
		Use: "list", Short: "List the reviews that you may read, the oldest first", Args: cobra.NoArgs,
		Example: `  gatehouse review list --state open --reviewer ann@example.com
  gatehouse review list --item /campaigns/teaser --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 || limit > 10_000 {
				return errors.New("--limit must be from 1 to 10000")
			}
			conn, workspace, err := from.connectOne(cmd.Context(), true)
			if err != nil {
				return err
			}
			filters := given(map[string]string{"item": item, "state": state, "reviewer": reviewer})
			found := []api.Review{}
			err = conn.Workspace(workspace).Reviews(cmd.Context(), filters, func(r api.Review) bool {
				found = append(found, r)
				return len(found) < limit
			})
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd, found)
			}
			return printTable(cmd.OutOrStdout(), "There are no such reviews.", "ID\tSTATE\tOUTCOME\tDUE\tITEM\tNAME", found, func(r api.Review) []any {
				return []any{r.ID, r.State, words(r.Outcome), due(r.DueAt, r.Overdue), r.Item, oneLine(r.Name)}
			})
		},
	}
	from.add(c)
	c.Flags().StringVar(&item, "item", "", "only of the item at this path, e.g. /campaigns/teaser")
	c.Flags().StringVar(&state, "state", "", "only this state: open, closed or cancelled")
	c.Flags().StringVar(&reviewer, "reviewer", "", "only those that name this person")
	c.Flags().IntVar(&limit, "limit", 100, "how many reviews at most")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func words(s string) string { return strings.ReplaceAll(s, "_", " ") }

// oneLine is text that somebody wrote, fit for a table and for a terminal.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 }), " ")
}

func due(at *time.Time, over bool) string {
	if at == nil {
		return "-"
	}
	text := at.UTC().Format(time.DateTime)
	if over {
		text += " (overdue)"
	}
	return text
}

// shownReview is what review show prints as JSON.
type shownReview struct {
	*api.ReviewStatus
	Verdicts []api.Verdict `json:"verdict_list"`
	Said     []api.Comment `json:"comment_list"`
}

func newReviewShowCommand() *cobra.Command {
	var from planeFlags
	var asJSON bool
	c := &cobra.Command{
		Use: "show REVIEW", Short: "Show how far a review is, its verdicts and what was said", Args: cobra.ExactArgs(1),
		Example: `  gatehouse review show rev_01j9…`,
		RunE: func(cmd *cobra.Command, args []string) error {
			conn, workspace, err := from.connectOne(cmd.Context(), true)
			if err != nil {
				return err
			}
			at := conn.Workspace(workspace)
			out := shownReview{Verdicts: []api.Verdict{}, Said: []api.Comment{}}
			if out.ReviewStatus, err = at.ReviewStatus(cmd.Context(), args[0]); err != nil {
				return err
			}
			if err := at.Verdicts(cmd.Context(), args[0], func(v api.Verdict) bool {
				out.Verdicts = append(out.Verdicts, v)
				return true
			}); err != nil {
				return err
			}
			if err := at.Comments(cmd.Context(), map[string]string{"review": args[0]}, func(c api.Comment) bool {
				out.Said = append(out.Said, c)
				return true
			}); err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd, out)
			}
			return printReview(cmd, out)
		},
	}
	from.add(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func printReview(cmd *cobra.Command, r shownReview) error {
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "%s of %s: %s, %s\n", oneLine(r.Name), r.Item, r.State, words(r.Outcome))
	if r.DueAt != nil {
		fmt.Fprintf(out, "Due %s\n", due(r.DueAt, r.Overdue))
	}
	fmt.Fprintln(out)
	err := printTable(out, "", "REVIEWER\tVERDICT\tCOMMENTS\tVIEWED\tMAY REVIEW", r.Reviewers, func(p api.ReviewerStatus) []any {
		verdict := "-"
		if p.Verdict != "" {
			verdict = words(p.Verdict)
		}
		return []any{p.Reviewer, verdict, p.Comments, due(p.ViewedAt, false), p.CanReview}
	})
	if err != nil {
		return err
	}
	for _, v := range r.Verdicts {
		if v.Comment != "" {
			fmt.Fprintf(out, "\n%s, %s: %s\n", v.Reviewer, words(v.Verdict), oneLine(v.Comment))
		}
	}
	for _, c := range r.Said {
		indent, mark := "", ""
		if c.Parent != "" {
			indent = "  "
		} else if c.Thread != api.ThreadOpen {
			mark = " [" + c.Thread + "]"
		}
		text := oneLine(c.Body)
		if c.Deleted {
			text = "(deleted)"
		}
		fmt.Fprintf(out, "\n%s%s %s %s%s\n%s  %s\n", indent, c.ID, c.CreatedAt.UTC().Format(time.DateTime), c.Author, mark, indent, text)
	}
	return nil
}

func newReviewRequestCommand() *cobra.Command {
	var from planeFlags
	var in api.ReviewRequest
	var until string
	var asJSON bool
	c := &cobra.Command{
		Use: "request ITEM", Short: "Ask people to review an item", Args: cobra.ExactArgs(1),
		Example: `  gatehouse review request /campaigns/teaser --name "Second cut" --reviewer ann@example.com --due 3d`,
		RunE: func(cmd *cobra.Command, args []string) error {
			in.Item = args[0]
			if until != "" {
				d, err := api.ParseDuration(until)
				if err != nil {
					return fmt.Errorf("--due: %w", err)
				}
				at := time.Now().Add(d).UTC().Truncate(time.Second)
				in.DueAt = &at
			}
			conn, workspace, err := from.connectOne(cmd.Context(), false)
			if err != nil {
				return err
			}
			r, err := conn.Workspace(workspace).RequestReview(cmd.Context(), in)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd, r)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Asked %s for review %s of %s.\n", strings.Join(r.Reviewers, ", "), r.ID, r.Item)
			return nil
		},
	}
	from.add(c)
	c.Flags().StringVar(&in.Name, "name", "", "what the review is called")
	c.Flags().StringArrayVar(&in.Reviewers, "reviewer", nil, "address of a reviewer, who may comment on the item; once for each")
	c.Flags().StringVar(&in.Instructions, "instructions", "", "what reviewers should look at")
	c.Flags().StringVar(&until, "due", "", "in what time verdicts are wanted, e.g. 3d")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func newReviewVerdictCommand() *cobra.Command {
	var from planeFlags
	var comment string
	var asJSON bool
	c := &cobra.Command{
		Use: "verdict REVIEW approved|needs-changes", Short: "Give your verdict in a review that names you", Args: cobra.ExactArgs(2),
		Long:    "Gives your verdict. The last one of each reviewer counts.",
		Example: `  gatehouse review verdict rev_01j9… needs-changes --comment "the logo is the old one"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			verdict := strings.ReplaceAll(args[1], "-", "_")
			if !slices.Contains([]string{api.VerdictApproved, api.VerdictNeedsChanges}, verdict) {
				return fmt.Errorf("the verdict is %q; write approved or needs-changes", args[1])
			}
			conn, workspace, err := from.connectOne(cmd.Context(), false)
			if err != nil {
				return err
			}
			v, err := conn.Workspace(workspace).GiveVerdict(cmd.Context(), args[0], api.VerdictRequest{Verdict: verdict, Comment: comment})
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd, v)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s says %s.\n", v.Reviewer, words(v.Verdict))
			return nil
		},
	}
	from.add(c)
	c.Flags().StringVar(&comment, "comment", "", "why; kept with the verdict")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func newReviewCommentCommand() *cobra.Command {
	var from planeFlags
	var in api.CommentRequest
	var asJSON bool
	c := &cobra.Command{
		Use: "comment REVIEW TEXT", Short: "Say something in a review", Args: cobra.ExactArgs(2),
		Example: `  gatehouse review comment rev_01j9… "the music ends too early" --mention ann@example.com
  gatehouse review comment rev_01j9… "fixed" --reply cmt_01j9…`,
		RunE: func(cmd *cobra.Command, args []string) error {
			in.Review, in.Body = args[0], args[1]
			conn, workspace, err := from.connectOne(cmd.Context(), false)
			if err != nil {
				return err
			}
			said, err := conn.Workspace(workspace).Comment(cmd.Context(), in)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd, said)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Said as %s on %s.\n", said.ID, said.Item)
			return nil
		},
	}
	from.add(c)
	c.Flags().StringVar(&in.Parent, "reply", "", "id of the first comment of the thread that it answers")
	c.Flags().StringArrayVar(&in.Mentions, "mention", nil, "address of somebody to mention, who sees the item; once for each")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func newReviewStateCommand() *cobra.Command {
	var from planeFlags
	c := &cobra.Command{
		Use: "state REVIEW open|closed|cancelled", Short: "Close or cancel a review, or open it again", Args: cobra.ExactArgs(2),
		Example: `  gatehouse review state rev_01j9… closed`,
		RunE: func(cmd *cobra.Command, args []string) error {
			conn, workspace, err := from.connectOne(cmd.Context(), false)
			if err != nil {
				return err
			}
			r, err := conn.Workspace(workspace).SetReviewState(cmd.Context(), args[0], args[1])
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s is %s.\n", r.ID, r.State)
			return nil
		},
	}
	from.add(c)
	return c
}
