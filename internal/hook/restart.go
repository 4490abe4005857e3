package hook

import "context"

// restart restarts the driver.
func (c command) restart(ctx context.Context) error {
	_, err := c.do(ctx, doRequest{"restart"})
	return err
}
