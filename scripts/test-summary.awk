# Reads the output of `go test -v` and prints one line per package, the output of each failed test and build, the
# skipped tests with their reasons, and last: N passed, N failed, N skipped. Exits 1 when anything failed or skipped.
#
# Output belongs to the test that the last === line names (RUN, CONT, NAME), until that test's --- line.

function add(test, line) { said[test] = said[test] line "\n" }

function forget(   test) {
	for (test in said) delete said[test]
	for (test in open) delete open[test]
	current = ""
}

/^(===|---|ok|FAIL|\?)/ { building = 0 }

/^=== (RUN|CONT|NAME|PAUSE) / {
	current = $3
	if ($2 == "RUN") open[current] = 1
	if ($2 == "PAUSE") current = ""
	next
}

/^ *--- (PASS|FAIL|SKIP): / {
	name = $3
	current = name
	if ($2 == "PASS:") passed++
	if ($2 == "FAIL:") { failed++; print; printf "%s", said[name]; trailing = name }
	if ($2 == "SKIP:") { skipped++; print; printf "%s", said[name] }
	if ($2 == "FAIL:") said[name] = ""; else delete said[name]
	delete open[name]
	next
}

/^(ok|FAIL|---|\?)[ \t]/ && NF >= 2 {
	if ($1 == "FAIL") {
		broken++
		# What a panic, a timeout or a data race leaves behind belongs to no finished test.
		for (test in said) if (said[test] != "" && (test == "" || test in open || test == trailing)) {
			if (test in open) print "    (not finished) " test
			printf "%s", said[test]
		}
	}
	print
	packages++
	forget()
	trailing = ""
	next
}

# A package without tests: "	path	coverage: 0.0%" or "path [no test files]".
/\[no test files\]/ { forget(); next }

/^(PASS|FAIL)$/ { next }

# The compiler's complaints come before any package's line, each block headed by "# package".
/^# / { building = 1 }
building { print; next }

{ add(current, $0) }

END {
	# Output after the last package, such as "go: updates to go.mod needed".
	if (packages == 0) for (test in said) printf "%s", said[test]
	printf "%d passed, %d failed, %d skipped", passed, failed, skipped
	printf broken ? " (in %d packages that failed)\n" : "\n", broken
	exit (failed + skipped + broken > 0 || packages == 0) ? 1 : 0
}
