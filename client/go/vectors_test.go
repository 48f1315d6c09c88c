package flowrpc

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"flowrpc.dev/go/flowrpcv1"
	"google.golang.org/protobuf/proto"
)

// vectors reads a file of tests/contract/vectors; its README tells the notation.
func vectors[T any](t *testing.T, file string) T {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", "tests", "contract", "vectors", file))
	if err != nil {
		t.Fatal(err)
	}
	var read T
	if err := json.Unmarshal(content, &read); err != nil {
		t.Fatal(err)
	}
	return read
}

type writtenValue struct {
	Name    string
	Message []byte // base64, as encoding/json reads it
	JSON    json.RawMessage
	Hashed  []byte
}

func (w writtenValue) read(t *testing.T) any {
	t.Helper()
	message := &flowrpcv1.Value{}
	if err := proto.Unmarshal(w.Message, message); err != nil {
		t.Fatal(err)
	}
	value, err := FromValue(message)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// sameValue compares exactly: the bytes of the hash tell everything apart that state does.
func sameValue(t *testing.T, found, wanted any) {
	t.Helper()
	if !bytes.Equal(appendHashed(nil, found), appendHashed(nil, wanted)) {
		t.Fatalf("got %#v, wanted %#v", found, wanted)
	}
}

func TestVectorsOfValues(t *testing.T) {
	read := vectors[struct{ Cases, Refused []writtenValue }](t, "values.json")
	for _, each := range read.Cases {
		t.Run(each.Name, func(t *testing.T) {
			value := each.read(t)
			if !bytes.Equal(appendHashed(nil, value), each.Hashed) {
				t.Fatalf("%#v is hashed of other bytes than the vector's", value)
			}
			sameValue(t, value, exactJSON(t, each.JSON))
			message, err := ToValue(value)
			if err != nil {
				t.Fatal(err)
			}
			again, err := FromValue(message)
			if err != nil {
				t.Fatal(err)
			}
			sameValue(t, again, value)
		})
	}
	for _, each := range read.Refused {
		t.Run("refused: "+each.Name, func(t *testing.T) {
			message := &flowrpcv1.Value{}
			if err := proto.Unmarshal(each.Message, message); err != nil {
				return // refused by the parser
			}
			if value, err := FromValue(message); err == nil {
				t.Fatalf("%#v was taken", value)
			}
		})
	}
}

func TestVectorsOfChanges(t *testing.T) {
	type written struct {
		Name          string
		Before, After writtenValue
		Message       []byte
	}
	read := vectors[struct{ Cases, Refused []written }](t, "changes.json")
	play := func(t *testing.T, each written) (*Map, error) {
		vars := each.Before.read(t).(*Map)
		change := &flowrpcv1.Change{}
		if err := proto.Unmarshal(each.Message, change); err != nil {
			t.Fatal(err)
		}
		return vars, apply(vars, change)
	}
	for _, each := range read.Cases {
		t.Run(each.Name, func(t *testing.T) {
			vars, err := play(t, each)
			if err != nil {
				t.Fatal(err)
			}
			sameValue(t, vars, each.After.read(t))
		})
	}
	for _, each := range read.Refused {
		t.Run("refused: "+each.Name, func(t *testing.T) {
			vars, err := play(t, each)
			if err == nil {
				t.Fatalf("it was taken: %#v", vars)
			}
			sameValue(t, vars, each.Before.read(t))
		})
	}
}

type writtenState struct {
	Resume struct {
		AfterRevision int64  `json:"after_revision"`
		JournalID     string `json:"journal_id"`
	}
	Components []json.RawMessage
	Runs       []struct {
		RunID  string `json:"run_id"`
		Work   string
		Status string
	}
	StateHash string `json:"state_hash"`
}

type step struct {
	Message                  []byte
	Break, Mismatch, Refused bool
	After                    *writtenState
}

func TestVectorsOfWatches(t *testing.T) {
	read := vectors[struct {
		Cases []struct {
			Name  string
			Steps []step
		}
	}](t, "watches.json")
	for _, each := range read.Cases {
		t.Run(each.Name, func(t *testing.T) {
			folded := newFold()
			for index, step := range each.Steps {
				take(t, folded, step)
				if t.Failed() {
					t.Fatalf("at step %d", index)
				}
				if !step.Refused {
					check(t, folded, step.After)
				}
			}
		})
	}
}

func take(t *testing.T, folded *fold, step step) {
	t.Helper()
	if step.Break {
		folded.resume("root")
		return
	}
	message := &flowrpcv1.WatchStateResponse{}
	if err := proto.Unmarshal(step.Message, message); err != nil {
		t.Fatal(err)
	}
	err := folded.take(message)
	var mismatch *MismatchError
	var refused *ValueError
	var stopping *stoppingError
	switch {
	case step.Mismatch && !errors.As(err, &mismatch):
		t.Errorf("wanted a mismatch, got %v", err)
	case step.Refused && !errors.As(err, &refused):
		t.Errorf("wanted a refusal, got %v", err)
	case !step.Mismatch && !step.Refused && err != nil && !errors.As(err, &stopping):
		t.Error(err)
	}
}

func check(t *testing.T, folded *fold, wanted *writtenState) {
	t.Helper()
	if wanted == nil {
		if folded.ready {
			t.Fatal("there is a state, and none should be trusted")
		}
		return
	}
	if !folded.ready {
		t.Fatal("there is no state")
	}
	if folded.revision != wanted.Resume.AfterRevision || folded.journal != wanted.Resume.JournalID {
		t.Fatalf("at %d of %s, wanted %+v", folded.revision, folded.journal, wanted.Resume)
	}
	if found := stateHash(folded.state); found != wanted.StateHash {
		t.Errorf("hash %s, wanted %s", found, wanted.StateHash)
	}
	checkComponents(t, folded.state, wanted.Components)
	checkRuns(t, folded.state, wanted)
}

func checkComponents(t *testing.T, state *tree, wanted []json.RawMessage) {
	t.Helper()
	if len(state.names) != len(wanted) {
		t.Fatalf("%d components, wanted %d", len(state.names), len(wanted))
	}
	for index, name := range state.names {
		sameValue(t, plainComponent(state.nodes[name].Component), exactJSON(t, wanted[index]))
	}
}

func plainComponent(component Component) *Map {
	plain := NewMap(
		Entry{"name", component.Name},
		Entry{"kind", component.Kind},
		Entry{"type", component.Type},
		Entry{"vars", pairs(component.Vars)},
	)
	if recipe := component.Recipe; recipe != nil {
		plain.Set("recipe", NewMap(
			Entry{"type", recipe.Type}, Entry{"args", recipe.Args}, Entry{"kwargs", pairs(recipe.Kwargs)},
		))
	}
	return plain
}

func pairs(entries *Map) []any {
	made := []any{}
	for key, value := range entries.All() {
		made = append(made, []any{key, value})
	}
	return made
}

func checkRuns(t *testing.T, state *tree, wanted *writtenState) {
	t.Helper()
	found := []string{}
	for _, run := range state.runs {
		status := strings.ToLower(strings.TrimPrefix(run.GetStatus().String(), "RUN_STATUS_"))
		found = append(found, run.GetRunId()+" "+run.GetWork()+" "+status)
	}
	slices.Sort(found)
	told := []string{}
	for _, run := range wanted.Runs {
		told = append(told, run.RunID+" "+run.Work+" "+run.Status)
	}
	if !slices.Equal(found, told) {
		t.Errorf("runs %v, wanted %v", found, told)
	}
}

// exactJSON reads a value of the exact notation.
func exactJSON(t *testing.T, text []byte) any {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	return readJSON(t, decoder)
}

func readJSON(t *testing.T, decoder *json.Decoder) any {
	t.Helper()
	token, err := decoder.Token()
	if err != nil {
		t.Fatal(err)
	}
	switch token := token.(type) {
	case json.Number:
		return readNumber(t, token)
	case json.Delim:
		if token == '[' {
			return readList(t, decoder)
		}
		return readMap(t, decoder)
	default:
		return token
	}
}

func readNumber(t *testing.T, number json.Number) any {
	t.Helper()
	if !strings.ContainsAny(number.String(), ".eE") {
		return integer(number.String())
	}
	value, err := number.Float64()
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func integer(text string) any {
	number, _ := new(big.Int).SetString(text, 10)
	if number.IsInt64() {
		return number.Int64()
	}
	return number
}

func readList(t *testing.T, decoder *json.Decoder) any {
	t.Helper()
	items := []any{}
	for decoder.More() {
		items = append(items, readJSON(t, decoder))
	}
	_, _ = decoder.Token()
	return items
}

func readMap(t *testing.T, decoder *json.Decoder) any {
	t.Helper()
	entries, marked := NewMap(), ""
	for decoder.More() {
		key := readJSON(t, decoder).(string)
		value := readJSON(t, decoder)
		switch {
		case key == "$flowrpc":
			marked = value.(string)
			continue
		case strings.TrimLeft(key, "$") == "flowrpc" && strings.HasPrefix(key, "$"):
			key = key[1:]
		}
		entries.Set(key, value)
	}
	_, _ = decoder.Token()
	content, _ := entries.Get("value")
	switch marked {
	case "":
		return entries
	case "int":
		return integer(content.(string))
	default:
		return Extension{TypeName: marked, Content: content}
	}
}

func TestPlantedBugIsCaught(t *testing.T) {
	// The comparison of values must tell apart what Go's == or reflect might not.
	for _, pair := range [][2]any{{int64(1), 1.0}, {0.0, negativeZero()}, {"1", int64(1)}, {
		NewMap(Entry{"a", nil}, Entry{"b", nil}), NewMap(Entry{"b", nil}, Entry{"a", nil}),
	}} {
		if bytes.Equal(appendHashed(nil, pair[0]), appendHashed(nil, pair[1])) {
			t.Errorf("%#v and %#v are hashed of the same bytes", pair[0], pair[1])
		}
	}
}

func negativeZero() float64 {
	zero := 0.0
	return -zero
}
