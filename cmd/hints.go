package cmd

import (
	"slices"
	"strings"

	"github.com/pkitool/pkitool/config"
	"github.com/pkitool/pkitool/phases"
)

// completed makes the commands in a hint work as they are printed: each takes over the flags of this run that it has too.
func (env *Env) completed(hint string) string {
	if env.settings == nil {
		return hint
	}
	parts := strings.Split(hint, "`")
	for i := 1; i < len(parts); i += 2 {
		if words, ok := strings.CutPrefix(parts[i], "pkitool "); ok && !strings.HasSuffix(words, " --help") {
			parts[i] += env.settings.flagsFor(strings.Fields(words))
		}
	}
	return strings.Join(parts, "`")
}

// completeReport completes the hints of a report.
func (env *Env) completeReport(r phases.Report) {
	for _, row := range r.Rows {
		for i := range row.Findings {
			row.Findings[i].Hint = env.completed(row.Findings[i].Hint)
		}
	}
}

// flagsFor are the flags of this run that another command takes, and that have an effect on the rows that it names.
func (s *settingsFlags) flagsFor(words []string) string {
	c, args, err := newRoot(&Env{args: words, LookupEnv: s.env.LookupEnv}).Find(words)
	if err != nil {
		return ""
	}
	roles := slices.DeleteFunc(append(args, c.Name()), func(name string) bool { return roleNamed(name).Name == "" })
	var b strings.Builder
	add := func(name string) {
		given := s.command.Flags().Lookup(name)
		if given != nil && given.Changed && c.Flags().Lookup(name) != nil && !slices.Contains(words, "--"+name) {
			b.WriteString(" --" + name + " " + shellQuote(given.Value.String()))
		}
	}
	if s.config != "-" {
		add("config")
	}
	for _, t := range s.texts {
		works := func(role string) bool { return concerns(t.field)(roleNamed(role)) }
		if t.field.Type != config.Bool && (len(roles) == 0 || slices.ContainsFunc(roles, works)) {
			add(t.field.Flag)
		}
	}
	return b.String()
}
