// The help of all commands.

package main

import (
	"bytes"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// printHelp prints kong's help. In the line of the usage, flags of which exactly one
// is required are alternatives: (--to=… | --to-url=…).
func printHelp(options kong.HelpOptions, ctx *kong.Context) error {
	node := ctx.Selected()
	if node == nil {
		return kong.DefaultHelpPrinter(options, ctx)
	}
	stdout := ctx.Stdout
	defer func() { ctx.Stdout = stdout }()
	var text bytes.Buffer
	ctx.Stdout = &text
	if err := kong.DefaultHelpPrinter(options, ctx); err != nil {
		return err
	}
	usage, rest, _ := strings.Cut(text.String(), "\n")
	for _, flags := range alternatives(node) {
		usage = strings.Replace(usage, strings.Join(flags, " "), "("+strings.Join(flags, " | ")+")", 1)
	}
	_, err := io.WriteString(stdout, usage+"\n"+rest)
	return err
}

// alternatives returns the summaries of the required flags of a command, by the group
// of which only one may be set.
func alternatives(node *kong.Node) [][]string {
	groups := make(map[string][]string)
	for _, flag := range slices.Concat(node.AllFlags(true)...) {
		if flag.Required && len(flag.Xor) == 1 {
			groups[flag.Xor[0]] = append(groups[flag.Xor[0]], flag.Summary())
		}
	}
	var list [][]string
	for _, name := range sortedKeys(groups) {
		list = append(list, groups[name])
	}
	return list
}
