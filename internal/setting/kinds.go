package setting

import (
	"errors"
	"regexp"
	"strconv"
	"time"
)

var (
	boolShown    = regexp.MustCompile(`^([A-Za-z]{1,5}|[0-9])$`)
	timeoutShown = regexp.MustCompile(`^(-?([0-9.]{1,8}[dhmnsuµ]{0,2}){1,3}|[a-z]{1,5})$`)
)

// Bool reads true and false, as Go spells them.
func Bool() Kind[bool] { return Kind[bool]{parseBool, boolShown} }

// Timeout reads a duration that is not negative.
func Timeout() Kind[time.Duration] { return Kind[time.Duration]{parseTimeout, timeoutShown} }

func parseBool(text string) (bool, error) {
	value, err := strconv.ParseBool(text)
	if err != nil {
		return false, errors.New("want true or false")
	}
	return value, nil
}

func parseTimeout(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, errors.New("want a duration such as 90s or 2m30s, or 0")
	}
	return d, nil
}
