package flowrpc

import (
	"bytes"
	"encoding/json"
	"iter"
	"slices"
)

// Map is a map from text to values that keeps its entries in the order in which they were added.
type Map struct {
	keys   []string
	values map[string]any
}

// Entry is one entry of a Map.
type Entry struct {
	Key   string
	Value any
}

// NewMap makes a map of entries, in their order; of two with the same key the later value counts.
func NewMap(entries ...Entry) *Map {
	made := &Map{values: make(map[string]any, len(entries))}
	for _, entry := range entries {
		made.Set(entry.Key, entry.Value)
	}
	return made
}

// Len tells how many entries there are.
func (m *Map) Len() int { return len(m.keys) }

// Get returns the value of a key, and whether there is one.
func (m *Map) Get(key string) (any, bool) {
	value, found := m.values[key]
	return value, found
}

// Set sets the value of a key, which comes last if it is new.
func (m *Map) Set(key string, value any) {
	if m.values == nil {
		m.values = map[string]any{}
	}
	if _, known := m.values[key]; !known {
		m.keys = append(m.keys, key)
	}
	m.values[key] = value
}

// Delete removes a key, and tells whether it was there.
func (m *Map) Delete(key string) bool {
	if _, known := m.values[key]; !known {
		return false
	}
	delete(m.values, key)
	at := slices.Index(m.keys, key)
	m.keys = slices.Delete(m.keys, at, at+1)
	return true
}

// All yields the entries in their order.
func (m *Map) All() iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		for _, key := range m.keys {
			if !yield(key, m.values[key]) {
				return
			}
		}
	}
}

// MarshalJSON writes the entries in their order.
func (m *Map) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte('{')
	for index, key := range m.keys {
		if index > 0 {
			out.WriteByte(',')
		}
		name, err := json.Marshal(key)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(m.values[key])
		if err != nil {
			return nil, err
		}
		out.Write(name)
		out.WriteByte(':')
		out.Write(value)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// Extension is a value of a named type that JSON has not, such as a reference to a file. It is kept as it is.
type Extension struct {
	TypeName string
	Content  any
}

// copyValue copies a value so deeply that changes of one never reach the other.
func copyValue(value any) any {
	switch value := value.(type) {
	case []any:
		copied := make([]any, len(value))
		for index, item := range value {
			copied[index] = copyValue(item)
		}
		return copied
	case *Map:
		return value.copy()
	case Extension:
		return Extension{TypeName: value.TypeName, Content: copyValue(value.Content)}
	default: // the others never change
		return value
	}
}

func (m *Map) copy() *Map {
	copied := &Map{keys: slices.Clone(m.keys), values: make(map[string]any, len(m.keys))}
	for key, value := range m.values {
		copied.values[key] = copyValue(value)
	}
	return copied
}
