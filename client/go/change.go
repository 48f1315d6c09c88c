package flowrpc

import (
	"fmt"
	"strings"

	"flowrpc.dev/go/flowrpcv1"
)

// apply makes a change of vars. If it is refused they are as before.
func apply(vars *Map, change *flowrpcv1.Change) error {
	name := change.GetVar()
	if name == "" {
		return refuse("changes", "one names no var; set Change.var")
	}
	for _, step := range change.GetSteps() {
		if err := checkStep(step, name); err != nil {
			return err
		}
	}
	edit, err := editOf(change)
	if err != nil {
		return err
	}
	path := append([]*flowrpcv1.PathStep{{Step: &flowrpcv1.PathStep_Key{Key: name}}}, change.GetSteps()...)
	_, err = edit.at(vars, path, "")
	return err
}

func checkStep(step *flowrpcv1.PathStep, name string) error {
	if step.GetStep() == nil {
		return refuse(name, "a step into it has neither key nor index; set one")
	}
	if step.GetIndex() < 0 {
		return refuse(name, "a step into it has the index %d; count from 0", step.GetIndex())
	}
	return nil
}

// edit is what happens at the end of a path: a value is set, an entry is removed, or a list is spliced.
type edit struct {
	value  any
	remove bool
	splice *flowrpcv1.Splice
	insert []any
}

func editOf(change *flowrpcv1.Change) (*edit, error) {
	depth, name := len(change.GetSteps()), change.GetVar()
	var err error
	made := &edit{}
	switch operation := change.GetOperation().(type) {
	case *flowrpcv1.Change_Null:
	case *flowrpcv1.Change_Flag:
		made.value = operation.Flag
	case *flowrpcv1.Change_Integer:
		made.value = operation.Integer
	case *flowrpcv1.Change_Number:
		made.value, err = decodeFloat(operation.Number, name)
	case *flowrpcv1.Change_Text:
		made.value = operation.Text
	case *flowrpcv1.Change_Value:
		made.value, err = decode(operation.Value, name, depth)
	case *flowrpcv1.Change_Remove:
		made.remove = true
	case *flowrpcv1.Change_Splice:
		made.splice = operation.Splice
		made.insert, err = decodeItems(operation.Splice.GetInsert(), name, depth+1)
	default:
		return nil, refuse(name, "has no operation that this version knows; set one")
	}
	return made, err
}

// at follows the path into a container and returns what is there afterwards.
func (e *edit) at(container any, path []*flowrpcv1.PathStep, place string) (any, error) {
	if len(path) == 0 {
		return e.spliced(container, place)
	}
	place = extended(place, path[0])
	last := len(path) == 1 && e.splice == nil
	switch container := container.(type) {
	case *Map:
		return container, e.inMap(container, path, place, last)
	case []any:
		return container, e.inList(container, path, place, last)
	default:
		return nil, refuse(place, "there is no list or map around it")
	}
}

func (e *edit) inMap(container *Map, path []*flowrpcv1.PathStep, place string, last bool) error {
	key, isKey := path[0].GetStep().(*flowrpcv1.PathStep_Key)
	if !isKey {
		return refuse(place, "the key of a map is a text")
	}
	value, found := container.Get(key.Key)
	switch {
	case last && !e.remove:
		container.Set(key.Key, e.value)
		return nil
	case !found:
		return refuse(place, "there is no such place")
	case last:
		container.Delete(key.Key)
		return nil
	}
	changed, err := e.at(value, path[1:], place)
	if err == nil {
		container.Set(key.Key, changed)
	}
	return err
}

func (e *edit) inList(container []any, path []*flowrpcv1.PathStep, place string, last bool) error {
	index, isIndex := path[0].GetStep().(*flowrpcv1.PathStep_Index)
	switch {
	case !isIndex || index.Index >= int64(len(container)):
		return refuse(place, "there is no such place")
	case last && e.remove:
		return refuse(place, "items of a list are removed by a splice")
	case last:
		container[index.Index] = e.value
		return nil
	}
	changed, err := e.at(container[index.Index], path[1:], place)
	if err == nil {
		container[index.Index] = changed
	}
	return err
}

func (e *edit) spliced(container any, place string) (any, error) {
	items, isList := container.([]any)
	if !isList {
		return nil, refuse(place, "only a list can be spliced")
	}
	start, count, length := e.splice.GetStart(), e.splice.GetDeleteCount(), int64(len(items))
	if start < 0 || count < 0 || start > length || count > length-start { // the sum might overflow
		return nil, refuse(place, "there are no %d items at %d in a list of %d", count, start, length)
	}
	tail := items[start+count:]
	made := make([]any, 0, length-count+int64(len(e.insert)))
	return append(append(append(made, items[:start]...), e.insert...), tail...), nil
}

func extended(place string, step *flowrpcv1.PathStep) string {
	if key, isKey := step.GetStep().(*flowrpcv1.PathStep_Key); isKey {
		return strings.TrimPrefix(place+"."+key.Key, ".")
	}
	return fmt.Sprintf("%s[%d]", place, step.GetIndex())
}
