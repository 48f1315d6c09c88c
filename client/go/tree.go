package flowrpc

import (
	"cmp"
	"crypto/sha256"
	"slices"
	"strings"

	"flowrpc.dev/go/flowrpcv1"
)

// keptRuns is how many ended runs of a work are kept, as many as a snapshot has.
const keptRuns = 20

// Component is one component at one revision, without what is below it.
type Component struct {
	Name string
	// Kind is flow, work, list or dict.
	Kind string
	Type string
	// Vars are in the order of their definition; those whose names begin with _ belong to the framework.
	Vars   *Map
	Recipe *Recipe
}

// Recipe tells how a component is built again: its class and its constructor's arguments.
type Recipe struct {
	Type   string
	Args   []any
	Kwargs *Map
}

var kinds = map[flowrpcv1.ComponentKind]string{
	flowrpcv1.ComponentKind_COMPONENT_KIND_FLOW: "flow",
	flowrpcv1.ComponentKind_COMPONENT_KIND_WORK: "work",
	flowrpcv1.ComponentKind_COMPONENT_KIND_LIST: "list",
	flowrpcv1.ComponentKind_COMPONENT_KIND_DICT: "dict",
}

type node struct {
	Component
	digests digests
}

// tree is the state at one revision: what comes of folding revisions.
type tree struct {
	names []string // parents before children, siblings in order of attachment
	nodes map[string]*node
	runs  map[string]*flowrpcv1.Run
	app   *flowrpcv1.AppStatus
}

func newTree() *tree {
	return &tree{nodes: map[string]*node{}, runs: map[string]*flowrpcv1.Run{}}
}

// add adds components; one that is split over several has all their vars.
func (t *tree) add(components []*flowrpcv1.Component) error {
	for _, message := range components {
		component, err := readComponent(message)
		if err != nil {
			return err
		}
		if known := t.nodes[component.Name]; known != nil {
			for name, value := range component.Vars.All() {
				known.Vars.Set(name, value)
			}
			continue
		}
		t.put(component)
	}
	return nil
}

func (t *tree) put(component Component) {
	if t.nodes[component.Name] == nil {
		t.names = append(t.names, component.Name)
	}
	t.nodes[component.Name] = &node{Component: component, digests: digests{vars: map[string][sha256.Size]byte{}}}
}

func (t *tree) addRuns(runs []*flowrpcv1.Run) {
	for _, run := range runs {
		t.runs[run.GetRunId()] = run
	}
}

// fold applies a revision. If it is refused the tree is of no use any more.
func (t *tree) fold(revision *flowrpcv1.Revision) error {
	detached := false
	for _, delta := range revision.GetDeltas() {
		if err := t.foldDelta(delta); err != nil {
			return err
		}
		detached = detached || delta.GetDetached()
	}
	t.addRuns(revision.GetRuns())
	for _, id := range revision.GetForgottenRuns() {
		delete(t.runs, id)
	}
	if revision.GetApp() != nil {
		t.app = revision.GetApp()
	}
	if detached || len(revision.GetRuns()) > 0 {
		t.forgetRuns()
	}
	return nil
}

func (t *tree) foldDelta(delta *flowrpcv1.Delta) error {
	name := delta.GetComponent()
	if name == "" {
		return refuse("delta", "names no component; set Delta.component")
	}
	if delta.GetAttached() != nil {
		component, err := readComponent(delta.GetAttached())
		if err != nil {
			return err
		}
		t.put(component)
	}
	if err := t.change(name, delta.GetChanges()); err != nil {
		return err
	}
	if delta.GetDetached() {
		t.detach(name)
	}
	return nil
}

func (t *tree) change(name string, changes []*flowrpcv1.Change) error {
	if len(changes) == 0 {
		return nil
	}
	node := t.nodes[name]
	if node == nil {
		return refuse(name, "no such component")
	}
	for _, change := range changes {
		if err := apply(node.Vars, change); err != nil {
			return err
		}
		node.digests.forget(change.GetVar())
	}
	return nil
}

func (t *tree) detach(name string) {
	t.names = slices.DeleteFunc(t.names, func(known string) bool {
		gone := known == name || strings.HasPrefix(known, name+".")
		if gone {
			delete(t.nodes, known)
		}
		return gone
	})
}

// forgetRuns keeps memory bounded: the newest ended runs of each work, and none of works that are gone.
func (t *tree) forgetRuns() {
	ended := map[string][]*flowrpcv1.Run{}
	for id, run := range t.runs {
		switch {
		case t.nodes[run.GetWork()] == nil:
			delete(t.runs, id)
		case run.GetStatus() >= flowrpcv1.RunStatus_RUN_STATUS_SUCCEEDED:
			ended[run.GetWork()] = append(ended[run.GetWork()], run)
		}
	}
	for _, runs := range ended {
		slices.SortFunc(runs, newestFirst)
		for _, run := range runs[min(keptRuns, len(runs)):] {
			delete(t.runs, run.GetRunId())
		}
	}
}

func newestFirst(a, b *flowrpcv1.Run) int {
	return cmp.Or(b.GetRequestedAt().AsTime().Compare(a.GetRequestedAt().AsTime()), cmp.Compare(a.GetRunId(), b.GetRunId()))
}

func readComponent(message *flowrpcv1.Component) (Component, error) {
	name := message.GetName()
	if name == "" {
		return Component{}, refuse("component", "has no name; set Component.name")
	}
	kind, known := kinds[message.GetKind()]
	if !known {
		return Component{}, refuse(name, "is of a kind that this version does not know: %v", message.GetKind())
	}
	vars, err := decodeEntries(message.GetVars(), name, 0)
	if err != nil {
		return Component{}, err
	}
	recipe, err := readRecipe(message.GetRecipe(), name)
	return Component{Name: name, Kind: kind, Type: message.GetType(), Vars: vars, Recipe: recipe}, err
}

func readRecipe(message *flowrpcv1.Recipe, name string) (*Recipe, error) {
	if message == nil {
		return nil, nil
	}
	args, err := decodeItems(message.GetArgs(), name+".args", 0)
	if err != nil {
		return nil, err
	}
	kwargs, err := decodeEntries(message.GetKwargs(), name+".kwargs", 0)
	return &Recipe{Type: message.GetType(), Args: args, Kwargs: kwargs}, err
}
