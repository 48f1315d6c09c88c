package flowrpc

import (
	"fmt"
	"math"
	"math/big"
	"strings"

	"flowrpc.dev/go/flowrpcv1"
)

// compareText compares texts by their UTF-8 bytes, the order of components in the hash of a state.
func compareText(a, b string) int { return strings.Compare(a, b) }

func decode(message *flowrpcv1.Value, place string, depth int) (any, error) {
	switch kind := message.GetKind().(type) {
	case *flowrpcv1.Value_NullValue:
		return nil, nil
	case *flowrpcv1.Value_BoolValue:
		return kind.BoolValue, nil
	case *flowrpcv1.Value_IntValue:
		return kind.IntValue, nil
	case *flowrpcv1.Value_BigIntValue:
		return decodeBig(kind.BigIntValue, place)
	case *flowrpcv1.Value_DoubleValue:
		return decodeFloat(kind.DoubleValue, place)
	case *flowrpcv1.Value_StringValue:
		return kind.StringValue, nil
	case *flowrpcv1.Value_ListValue:
		return decodeList(kind.ListValue.GetValues(), place, depth)
	case *flowrpcv1.Value_MapValue:
		return decodeMap(kind.MapValue.GetEntries(), place, depth)
	case *flowrpcv1.Value_ExtensionValue:
		return decodeExtension(kind.ExtensionValue, place, depth)
	default:
		return nil, refuse(place, "has no kind that this version knows; set one of Value.kind")
	}
}

func decodeBig(text, place string) (any, error) {
	if len(strings.TrimPrefix(text, "-")) > maxDigits || !bigInt.MatchString(text) {
		return nil, refuse(place, "big_int_value is no canonical decimal of at most %d digits", maxDigits)
	}
	number, _ := new(big.Int).SetString(text, 10)
	if number.IsInt64() {
		return nil, refuse(place, "big_int_value %s fits 64 bits; send it as int_value", text)
	}
	return number, nil
}

func decodeFloat(value float64, place string) (any, error) {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return nil, refuse(place, "%v is no number that state can hold", value)
	}
	return value, nil
}

func decodeList(messages []*flowrpcv1.Value, place string, depth int) (any, error) {
	if err := enter(place, depth); err != nil {
		return nil, err
	}
	return decodeItems(messages, place, depth+1)
}

func decodeItems(messages []*flowrpcv1.Value, place string, depth int) ([]any, error) {
	items := make([]any, len(messages))
	for index, message := range messages {
		item, err := decode(message, fmt.Sprintf("%s[%d]", place, index), depth)
		if err != nil {
			return nil, err
		}
		items[index] = item
	}
	return items, nil
}

func decodeMap(messages []*flowrpcv1.MapEntry, place string, depth int) (any, error) {
	if err := enter(place, depth); err != nil {
		return nil, err
	}
	return decodeEntries(messages, place, depth+1)
}

func decodeEntries(messages []*flowrpcv1.MapEntry, place string, depth int) (*Map, error) {
	entries := NewMap()
	for _, message := range messages {
		here := place + "." + message.GetKey()
		if _, twice := entries.Get(message.GetKey()); twice {
			return nil, refuse(here, "comes twice; send each key once")
		}
		value, err := decode(message.GetValue(), here, depth)
		if err != nil {
			return nil, err
		}
		entries.Set(message.GetKey(), value)
	}
	return entries, nil
}

func decodeExtension(message *flowrpcv1.ExtensionValue, place string, depth int) (any, error) {
	if err := enter(place, depth); err != nil {
		return nil, err
	}
	if !typeName.MatchString(message.GetTypeName()) {
		return nil, refuse(place, "%q is no name of a type", message.GetTypeName())
	}
	content, err := decode(message.GetContent(), place+"."+message.GetTypeName(), depth+1)
	if err != nil {
		return nil, err
	}
	return Extension{TypeName: message.GetTypeName(), Content: content}, nil
}
