package flowrpc

import (
	"fmt"
	"math"
	"math/big"
	"reflect"
	"regexp"
	"slices"
	"unicode/utf8"

	"flowrpc.dev/go/flowrpcv1"
)

const (
	maxDepth  = 30
	maxDigits = 4000
)

var (
	bigInt   = regexp.MustCompile(`^-?[1-9][0-9]*$`)
	typeName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)
	bigBound = new(big.Int).Exp(big.NewInt(10), big.NewInt(maxDigits), nil)
)

// ValueError tells that something is no value, and where: arguments.names[3].
type ValueError struct {
	Place   string
	Problem string
}

func (e *ValueError) Error() string { return e.Place + ": " + e.Problem }

func refuse(place, format string, args ...any) error {
	return &ValueError{Place: place, Problem: fmt.Sprintf(format, args...)}
}

// ToValue makes a message of a value. It takes nil, bools, ints and floats of every size, *big.Int, text, *Map, Extension, and
// slices, arrays and maps of these; keys of a Go map come in the alphabet's order, those of a *Map in theirs.
func ToValue(value any) (*flowrpcv1.Value, error) { return encode(value, "value", 0) }

// FromValue reads a message: nil, bool, int64, *big.Int (beyond 64 bits), float64, string, []any, *Map or Extension.
func FromValue(message *flowrpcv1.Value) (any, error) { return decode(message, "value", 0) }

func encode(value any, place string, depth int) (*flowrpcv1.Value, error) {
	switch value := value.(type) {
	case nil:
		return &flowrpcv1.Value{Kind: &flowrpcv1.Value_NullValue{}}, nil
	case bool:
		return &flowrpcv1.Value{Kind: &flowrpcv1.Value_BoolValue{BoolValue: value}}, nil
	case string:
		if !utf8.ValidString(value) {
			return nil, refuse(place, "the text is no UTF-8; base64 carries bytes")
		}
		return &flowrpcv1.Value{Kind: &flowrpcv1.Value_StringValue{StringValue: value}}, nil
	case *big.Int:
		return encodeBig(value, place)
	case *Map:
		return encodeMap(value, place, depth)
	case Extension:
		return encodeExtension(value, place, depth)
	default:
		return encodeKind(reflect.ValueOf(value), place, depth)
	}
}

func encodeKind(value reflect.Value, place string, depth int) (*flowrpcv1.Value, error) {
	switch kind := value.Kind(); {
	case value.CanInt():
		return &flowrpcv1.Value{Kind: &flowrpcv1.Value_IntValue{IntValue: value.Int()}}, nil
	case value.CanUint() && kind != reflect.Uintptr:
		return encodeBig(new(big.Int).SetUint64(value.Uint()), place)
	case value.CanFloat():
		return encodeFloat(value.Float(), place)
	case kind == reflect.Bool:
		return encode(value.Bool(), place, depth)
	case kind == reflect.String:
		return encode(value.String(), place, depth)
	case (kind == reflect.Slice || kind == reflect.Array) && value.Type().Elem().Kind() == reflect.Uint8:
		return nil, refuse(place, "bytes are no value; base64 carries them as text")
	case kind == reflect.Slice || kind == reflect.Array:
		return encodeList(value, place, depth)
	case kind == reflect.Map && value.Type().Key().Kind() == reflect.String:
		return encodeMap(sorted(value), place, depth)
	default:
		return nil, refuse(place, "a %s is no value; write a map, a list or a scalar", value.Type())
	}
}

func encodeBig(value *big.Int, place string) (*flowrpcv1.Value, error) {
	switch {
	case value == nil:
		return encode(nil, place, 0)
	case value.IsInt64():
		return &flowrpcv1.Value{Kind: &flowrpcv1.Value_IntValue{IntValue: value.Int64()}}, nil
	case value.CmpAbs(bigBound) >= 0:
		return nil, refuse(place, "the int has more than %d digits; write a float or its text", maxDigits)
	default:
		return &flowrpcv1.Value{Kind: &flowrpcv1.Value_BigIntValue{BigIntValue: value.String()}}, nil
	}
}

func encodeFloat(value float64, place string) (*flowrpcv1.Value, error) {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return nil, refuse(place, "%v is no number that JSON can hold; use nil or a string", value)
	}
	return &flowrpcv1.Value{Kind: &flowrpcv1.Value_DoubleValue{DoubleValue: value}}, nil
}

func encodeList(value reflect.Value, place string, depth int) (*flowrpcv1.Value, error) {
	if err := enter(place, depth); err != nil {
		return nil, err
	}
	list := &flowrpcv1.ListValue{Values: make([]*flowrpcv1.Value, value.Len())}
	for index := range list.Values {
		item, err := encode(value.Index(index).Interface(), fmt.Sprintf("%s[%d]", place, index), depth+1)
		if err != nil {
			return nil, err
		}
		list.Values[index] = item
	}
	return &flowrpcv1.Value{Kind: &flowrpcv1.Value_ListValue{ListValue: list}}, nil
}

func encodeMap(value *Map, place string, depth int) (*flowrpcv1.Value, error) {
	if value == nil {
		return encode(nil, place, depth)
	}
	if err := enter(place, depth); err != nil {
		return nil, err
	}
	entries, err := encodeEntries(value, place, depth+1)
	return &flowrpcv1.Value{Kind: &flowrpcv1.Value_MapValue{MapValue: &flowrpcv1.MapValue{Entries: entries}}}, err
}

func encodeEntries(value *Map, place string, depth int) ([]*flowrpcv1.MapEntry, error) {
	entries := make([]*flowrpcv1.MapEntry, 0, value.Len())
	for key, item := range value.All() {
		if !utf8.ValidString(key) {
			return nil, refuse(place, "the key %q is no UTF-8", key)
		}
		message, err := encode(item, place+"."+key, depth)
		if err != nil {
			return nil, err
		}
		entries = append(entries, &flowrpcv1.MapEntry{Key: key, Value: message})
	}
	return entries, nil
}

func encodeExtension(value Extension, place string, depth int) (*flowrpcv1.Value, error) {
	if err := enter(place, depth); err != nil {
		return nil, err
	}
	if !typeName.MatchString(value.TypeName) {
		return nil, refuse(place, "%q is no name of a type", value.TypeName)
	}
	content, err := encode(value.Content, place+"."+value.TypeName, depth+1)
	extension := &flowrpcv1.ExtensionValue{TypeName: value.TypeName, Content: content}
	return &flowrpcv1.Value{Kind: &flowrpcv1.Value_ExtensionValue{ExtensionValue: extension}}, err
}

func sorted(value reflect.Value) *Map {
	keys := value.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return compareText(a.String(), b.String()) })
	ordered := NewMap()
	for _, key := range keys {
		ordered.Set(key.String(), value.MapIndex(key).Interface())
	}
	return ordered
}

func enter(place string, depth int) error {
	if depth >= maxDepth {
		return refuse(place, "containers nest deeper than %d; write a flatter value", maxDepth)
	}
	return nil
}
