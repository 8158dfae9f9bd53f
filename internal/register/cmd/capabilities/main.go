// Command capabilities prints the register of capabilities as a table: make capabilities.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/register"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run prints the table even of a register that is wrong, and then says what is wrong with it.
func run() error {
	file, err := os.Open("docs/capabilities.yaml")
	if err != nil {
		return fmt.Errorf("run this in the root of the checkout: %w", err)
	}
	defer file.Close()
	entries, err := register.Read(file)
	if err != nil {
		return err
	}
	if err := register.WriteTable(os.Stdout, entries); err != nil {
		return err
	}
	return errors.Join(register.Check(os.DirFS("."), entries)...)
}
