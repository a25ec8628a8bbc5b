package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// LoadConfig returns the configuration: flags before environment before file before
// defaults. file may be empty; env has entries NAME=VALUE, of which empty ones count as
// unset; flags has values by flag name. The warnings tell of CONFD_ variables that mean
// nothing.
func LoadConfig(file string, env []string, flags map[string][]string) (c Config, warnings []string, err error) {
	c = DefaultConfig()
	all := settingsOf(&c)
	if file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return c, nil, fmt.Errorf("config file: %w", err)
		}
		if err := readYAML(all, file, text); err != nil {
			return c, nil, err
		}
	}
	if warnings, err = readEnv(all, env); err != nil {
		return c, nil, err
	}
	for _, s := range all {
		if v := flags[s.flag]; s.flag != "" && len(v) > 0 {
			if err := s.setText(v...); err != nil {
				return c, nil, fmt.Errorf("--%s: %w", s.flag, err)
			}
		}
	}
	return c, warnings, c.Check()
}

// lookup returns the value of a variable, "" if it has none.
func lookup(env []string, name string) string {
	for _, entry := range env {
		if v, ok := strings.CutPrefix(entry, name+"="); ok {
			return v
		}
	}
	return ""
}

// readEnv applies CONFD_ variables.
func readEnv(all []setting, env []string) (warnings []string, err error) {
	for _, entry := range env {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, "CONFD_") || value == "" || name == "CONFD_CONFIG" || name == envServer || name == envKey || name == envLoadPassword {
			continue
		}
		i := slices.IndexFunc(all, func(s setting) bool { return s.env == name })
		if i < 0 {
			warnings = append(warnings, "environment variable "+name+" means nothing here")
			continue
		}
		if err := all[i].setText(value); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return warnings, nil
}

// readYAML applies a file. Errors name the file and the line.
func readYAML(all []setting, file string, text []byte) error {
	var doc yaml.Node
	switch err := yaml.NewDecoder(bytes.NewReader(text)).Decode(&doc); {
	case err == io.EOF:
		return nil // nothing but comments
	case err != nil:
		return fmt.Errorf("%s: %w", file, err)
	}
	return walkYAML(all, file, "", doc.Content[0])
}

// walkYAML applies the mapping at path prefix.
func walkYAML(all []setting, file, prefix string, m *yaml.Node) error {
	if m.Kind == yaml.ScalarNode && m.Tag == "!!null" {
		return nil // a section with nothing in it
	}
	if m.Kind != yaml.MappingNode {
		return fmt.Errorf("%s:%d: %s has keys under it, not a value", file, m.Line, strings.TrimSuffix("the file's top."+prefix, "."))
	}
	seen := make(map[string]bool)
	for i := 0; i+1 < len(m.Content); i += 2 {
		k, v := m.Content[i], m.Content[i+1]
		key := prefix + k.Value
		if seen[key] {
			return fmt.Errorf("%s:%d: %s is there twice", file, k.Line, key)
		}
		seen[key] = true
		if err := applyYAML(all, file, key, k, v); err != nil {
			return err
		}
	}
	return nil
}

func applyYAML(all []setting, file, key string, k, v *yaml.Node) error {
	for _, s := range all {
		if s.key == key {
			if v.Kind == yaml.ScalarNode && v.Tag == "!!null" {
				return nil // a key with nothing behind it: the default, not zero
			}
			if err := s.setNode(v); err != nil {
				return fmt.Errorf("%s:%d: %w", file, v.Line, err)
			}
			return nil
		}
		if strings.HasPrefix(s.key, key+".") {
			return walkYAML(all, file, key+".", v)
		}
	}
	return fmt.Errorf("%s:%d: unknown key %s; %s", file, k.Line, key, siblings(all, key))
}

// siblings tells which keys there are where key was looked for.
func siblings(all []setting, key string) string {
	prefix := key[:strings.LastIndex(key, ".")+1]
	var names []string
	for _, s := range all {
		if rest, ok := strings.CutPrefix(s.key, prefix); ok {
			name, _, _ := strings.Cut(rest, ".")
			if !slices.Contains(names, prefix+name) {
				names = append(names, prefix+name)
			}
		}
	}
	return "there are " + strings.Join(names, ", ")
}
