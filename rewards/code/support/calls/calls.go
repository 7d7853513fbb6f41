// Package PREFIX calls one function of a Go program: gives its arguments the types of the function's own signature, writes its value. The
// program cannot know the name that stands for PREFIX. See rewards/code/call_programs.py.
package PREFIX

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"os"
	"reflect"
	"strconv"
	"strings"
)

const deepest = 200

type fault string

func refuse(data any, kind reflect.Type) {
	named := "a list"
	switch given := data.(type) {
	case nil:
		named = "null"
	case bool:
		named = "a boolean"
	case string:
		named = "a text"
	case json.Number:
		named = "the number " + given.String()
	case map[string]any:
		named = "a set or dict"
	}
	panic(fault(named + " where the function takes " + kind.String()))
}

// number gives the digits of a number, of a marked one too.
func number(data any) (string, bool) {
	switch given := data.(type) {
	case json.Number:
		return given.String(), true
	case map[string]any:
		for _, mark := range []string{"$int", "$float"} {
			if text, found := given[mark].(string); found {
				return text, true
			}
		}
	}
	return "", false
}

func whole(digits string) string {
	if head, tail, found := strings.Cut(digits, "."); found && strings.Trim(tail, "0") == "" {
		return head
	}
	return digits
}

// fit makes of data a value of a type that a function takes.
func fit(data any, kind reflect.Type) reflect.Value {
	made := reflect.New(kind).Elem()
	if kind == reflect.TypeOf((*big.Int)(nil)) {
		if digits, found := number(data); found {
			if value, ok := new(big.Int).SetString(whole(digits), 10); ok {
				return reflect.ValueOf(value)
			}
		}
		refuse(data, kind)
	}
	text, isText := data.(string)
	digits, isNumber := number(data)
	switch kind.Kind() {
	case reflect.Bool:
		truth, found := data.(bool)
		if !found {
			refuse(data, kind)
		}
		made.SetBool(truth)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if signs := []rune(text); kind.Kind() == reflect.Int32 && isText && len(signs) == 1 {
			made.SetInt(int64(signs[0]))
			break
		}
		value, failure := strconv.ParseInt(whole(digits), 10, kind.Bits())
		if !isNumber || failure != nil {
			refuse(data, kind)
		}
		made.SetInt(value)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		if kind.Kind() == reflect.Uint8 && isText && len(text) == 1 {
			made.SetUint(uint64(text[0]))
			break
		}
		value, failure := strconv.ParseUint(whole(digits), 10, kind.Bits())
		if !isNumber || failure != nil {
			refuse(data, kind)
		}
		made.SetUint(value)
	case reflect.Float32, reflect.Float64:
		value, failure := strconv.ParseFloat(digits, 64)
		if !isNumber || failure != nil && !math.IsInf(value, 0) {
			refuse(data, kind)
		}
		made.SetFloat(value)
	case reflect.String:
		if !isText {
			refuse(data, kind)
		}
		made.SetString(text)
	case reflect.Pointer:
		if data == nil {
			break
		}
		made.Set(reflect.New(kind.Elem()))
		made.Elem().Set(fit(data, kind.Elem()))
	case reflect.Interface:
		if kind.NumMethod() > 0 {
			panic(fault("what the function takes, " + kind.String() + ", is no data"))
		}
		if value := plain(data); value != nil {
			made.Set(reflect.ValueOf(value))
		}
	case reflect.Slice:
		if isText && kind.Elem().Kind() == reflect.Uint8 {
			made.SetBytes([]byte(text))
			break
		}
		if isText && kind.Elem().Kind() == reflect.Int32 {
			return reflect.ValueOf([]rune(text)).Convert(kind)
		}
		items, found := data.([]any)
		if !found {
			refuse(data, kind)
		}
		made.Set(reflect.MakeSlice(kind, len(items), len(items)))
		for place, item := range items {
			made.Index(place).Set(fit(item, kind.Elem()))
		}
	case reflect.Array:
		items, found := data.([]any)
		if !found || len(items) != kind.Len() {
			refuse(data, kind)
		}
		for place, item := range items {
			made.Index(place).Set(fit(item, kind.Elem()))
		}
	case reflect.Map:
		made.Set(fitMap(data, kind))
	default:
		panic(fault("what the function takes, " + kind.String() + ", is no data"))
	}
	return made
}

// fitMap makes a map of a dict, or map[T]bool and map[T]struct{} of a set.
func fitMap(data any, kind reflect.Type) reflect.Value {
	marked, _ := data.(map[string]any)
	made := reflect.MakeMap(kind)
	if members, found := marked["$set"].([]any); found {
		held := reflect.Zero(kind.Elem())
		if kind.Elem().Kind() == reflect.Bool {
			held = reflect.ValueOf(true).Convert(kind.Elem())
		} else if kind.Elem().Kind() != reflect.Struct {
			refuse(data, kind)
		}
		for _, item := range members {
			made.SetMapIndex(fit(item, kind.Key()), held)
		}
		return made
	}
	pairs, found := marked["$dict"].([]any)
	if !found {
		if pairs, found = marked["$map"].([]any); !found {
			refuse(data, kind)
		}
	}
	for _, item := range pairs {
		pair := item.([]any)
		made.SetMapIndex(fit(pair[0], kind.Key()), fit(pair[1], kind.Elem()))
	}
	return made
}

// plain gives data where any type will do: int, float64, bool, string, []interface{}, maps by interface{}, or by string where all keys are.
func plain(data any) any {
	switch given := data.(type) {
	case nil, bool, string:
		return given
	case []any:
		items := make([]any, len(given))
		for place, item := range given {
			items[place] = plain(item)
		}
		return items
	}
	if digits, found := number(data); found {
		if value, failure := strconv.Atoi(digits); failure == nil {
			return value
		}
		if value, exact := new(big.Int).SetString(digits, 10); exact {
			return value
		}
		value, _ := strconv.ParseFloat(digits, 64)
		return value
	}
	marked := data.(map[string]any)
	if _, found := marked["$dict"]; found {
		return fitMap(data, reflect.TypeOf(map[string]any{})).Interface()
	}
	if _, found := marked["$set"]; found {
		return fitMap(data, reflect.TypeOf(map[any]bool{})).Interface()
	}
	return fitMap(data, reflect.TypeOf(map[any]any{})).Interface()
}

func write(out *strings.Builder, value reflect.Value, depth int) {
	if depth > deepest {
		out.WriteString(`{"$other":"cycle"}`)
		return
	}
	if value.IsValid() && value.CanInterface() {
		switch held := value.Interface().(type) {
		case *big.Int:
			if held != nil {
				out.WriteString(held.String())
				return
			}
		case error:
			writeText(out, held.Error())
			return
		}
	}
	switch value.Kind() {
	case reflect.Invalid:
		out.WriteString("null")
	case reflect.Bool:
		out.WriteString(strconv.FormatBool(value.Bool()))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		out.WriteString(strconv.FormatInt(value.Int(), 10))
	case reflect.Uint8: // a byte is a character, as the sites that use Go's byte have it
		writeText(out, string(rune(value.Uint())))
	case reflect.Uint, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		out.WriteString(strconv.FormatUint(value.Uint(), 10))
	case reflect.Float32, reflect.Float64:
		writeFloat(out, value.Float(), value.Type().Bits())
	case reflect.String:
		writeText(out, value.String())
	case reflect.Pointer, reflect.Interface:
		write(out, value.Elem(), depth+1)
	case reflect.Slice, reflect.Array:
		items := make([]reflect.Value, value.Len())
		for place := range items {
			items[place] = value.Index(place)
		}
		writeItems(out, items, depth)
	case reflect.Map:
		writeMap(out, value, depth)
	default:
		out.WriteString(`{"$other":`)
		writeText(out, value.Type().String())
		out.WriteString("}")
	}
}

func writeItems(out *strings.Builder, items []reflect.Value, depth int) {
	out.WriteString("[")
	for place, item := range items {
		if place > 0 {
			out.WriteString(",")
		}
		write(out, item, depth+1)
	}
	out.WriteString("]")
}

func writeMap(out *strings.Builder, value reflect.Value, depth int) {
	kind := value.Type().Elem()
	isSet := kind.Kind() == reflect.Struct && kind.NumField() == 0
	if isSet {
		out.WriteString(`{"$set":`)
		writeItems(out, value.MapKeys(), depth)
	} else {
		out.WriteString(`{"$map":[`)
		for place, key := range value.MapKeys() {
			if place > 0 {
				out.WriteString(",")
			}
			writeItems(out, []reflect.Value{key, value.MapIndex(key)}, depth)
		}
		out.WriteString("]")
	}
	out.WriteString("}")
}

func writeFloat(out *strings.Builder, value float64, bits int) {
	switch {
	case math.IsNaN(value):
		out.WriteString(`{"$float":"NaN"}`)
	case math.IsInf(value, 0):
		fmt.Fprintf(out, `{"$float":"%sInfinity"}`, strings.TrimSuffix(strconv.FormatFloat(value, 'f', -1, 64), "Inf"))
	default:
		digits := strconv.FormatFloat(value, 'g', -1, bits)
		out.WriteString(digits)
		if !strings.ContainsAny(digits, ".e") {
			out.WriteString(".0")
		}
	}
}

func writeText(out *strings.Builder, text string) {
	quoted, _ := json.Marshal(text)
	out.Write(quoted)
}

func call(function reflect.Value, args []any) string {
	kind := function.Type()
	count := kind.NumIn()
	if len(args) != count && !(kind.IsVariadic() && len(args) >= count-1) {
		panic(fault(fmt.Sprintf("the test has %d arguments, the function takes %d", len(args), count)))
	}
	given := make([]reflect.Value, len(args))
	spread := kind.IsVariadic()
	for place, arg := range args {
		last := place
		if last >= count {
			last = count - 1
		}
		wanted := kind.In(last)
		if spread && place == count-1 {
			if _, list := arg.([]any); list && len(args) == count {
				spread = false
			}
		}
		if spread && place >= count-1 {
			wanted = wanted.Elem()
		}
		given[place] = fitted(arg, wanted, place)
	}
	var found []reflect.Value
	if kind.IsVariadic() && !spread {
		found = function.CallSlice(given)
	} else {
		found = function.Call(given)
	}
	out := new(strings.Builder)
	switch len(found) {
	case 0:
		out.WriteString("null")
	case 1:
		write(out, found[0], 0)
	default:
		writeItems(out, found, 0)
	}
	return out.String()
}

func fitted(arg any, wanted reflect.Type, place int) reflect.Value {
	defer func() {
		switch failure := recover().(type) {
		case nil:
		case fault:
			panic(fault(fmt.Sprintf("args[%d]: %s", place, string(failure))))
		default:
			panic(failure)
		}
	}()
	return fit(arg, wanted)
}

// Run does one call; functions holds those of the program by their names.
func Run(functions map[string]any) {
	in := bufio.NewReader(os.Stdin)
	line := func() string {
		text, _ := in.ReadString('\n')
		return strings.TrimSuffix(text, "\n")
	}
	token, name := line(), line()
	decoder := json.NewDecoder(in)
	decoder.UseNumber()
	var args []any
	if failure := decoder.Decode(&args); failure != nil {
		panic(failure)
	}
	channel := os.NewFile(3, "channel")
	channel.WriteString(token + answer(functions[name], args) + "\n")
	os.Exit(0)
}

func answer(function any, args []any) (text string) {
	defer func() {
		switch failure := recover().(type) {
		case nil:
		case fault:
			quoted, _ := json.Marshal(string(failure))
			text = `{"$fault":` + string(quoted) + `}`
		default:
			panic(failure)
		}
	}()
	return call(reflect.ValueOf(function), args)
}
