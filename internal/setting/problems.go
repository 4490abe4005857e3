package setting

import (
	"errors"
	"fmt"
)

// Problems joins errors into one that tells each problem on a line of its own, all with the prefix, and unwraps to them. It
// takes apart what [errors.Join] joined. It returns nil when there are none.
func Problems(prefix string, errs ...error) error {
	problems := flatten(errs)
	for i, err := range problems {
		problems[i] = fmt.Errorf("%s: %w", prefix, err)
	}
	return errors.Join(problems...)
}

func flatten(errs []error) (problems []error) {
	for _, err := range errs {
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			problems = append(problems, flatten(joined.Unwrap())...)
		} else if err != nil {
			problems = append(problems, err)
		}
	}
	return problems
}
