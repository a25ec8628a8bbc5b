package main

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// setting is one key of a [Config]: the table from which file, environment and flags are
// read.
type setting struct {
	key   string // path in the file, as "sip.limits.calls"
	env   string // "CONFD_SIP_LIMITS_CALLS"
	flag  string // "sip", or "" if it has none
	help  string
	value reflect.Value // of the Config, settable

	secret bool // the value is not printed
}

// settingsOf returns all keys of c, in the order of its fields.
func settingsOf(c *Config) []setting {
	return walkSettings(nil, "", reflect.ValueOf(c).Elem())
}

func walkSettings(all []setting, prefix string, v reflect.Value) []setting {
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag
		key := prefix + tag.Get("yaml")
		help, ok := tag.Lookup("help")
		if !ok {
			all = walkSettings(all, key+".", v.Field(i))
			continue
		}
		env := "CONFD_" + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
		all = append(all, setting{key, env, tag.Get("flag"), help, v.Field(i), tag.Get("secret") != ""})
	}
	return all
}

// setText gives s a value as the environment and flags have it: a list is parted by commas.
func (s setting) setText(text ...string) error {
	node := &yaml.Node{Kind: yaml.SequenceNode}
	for _, t := range text {
		for part := range strings.SplitSeq(t, ",") {
			node.Content = append(node.Content, scalarNode(strings.TrimSpace(part), s.value.Type()))
		}
	}
	if s.value.Kind() != reflect.Slice {
		node = scalarNode(text[len(text)-1], s.value.Type())
	}
	return s.setNode(node)
}

// scalarNode has numbers and booleans read as such, and everything else as text.
func scalarNode(text string, t reflect.Type) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Value: text}
	switch t.Kind() {
	case reflect.Int, reflect.Float64, reflect.Bool:
	default:
		n.Tag = "!!str"
	}
	return n
}

// setNode gives s the value of a node of the file. It replaces lists, never adds to them.
func (s setting) setNode(node *yaml.Node) error {
	fresh := reflect.New(s.value.Type())
	if err := node.Decode(fresh.Interface()); err != nil {
		return fmt.Errorf("%s: %s", s.key, plainYAMLError(err, node, s.value.Type()))
	}
	s.value.Set(fresh.Elem())
	return nil
}

// plainYAMLError words a decoder's complaint without Go's type names.
func plainYAMLError(err error, node *yaml.Node, t reflect.Type) string {
	var te *yaml.TypeError
	if !errors.As(err, &te) {
		return err.Error()
	}
	if node.Kind == yaml.ScalarNode {
		return fmt.Sprintf("%q is not %s", node.Value, kindName(t))
	}
	return "this is not " + kindName(t)
}

func kindName(t reflect.Type) string {
	switch {
	case t.String() == "time.Duration":
		return "a duration, as in 500ms, 20s or 30m"
	case t.Kind() == reflect.Slice:
		return "a list"
	case t.Kind() == reflect.Int:
		return "a whole number"
	case t.Kind() == reflect.Float64:
		return "a number"
	case t.Kind() == reflect.Bool:
		return "true or false"
	}
	return "a text"
}
