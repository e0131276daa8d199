package main

import (
	"context"
	"fmt"
	"log"
	"sync"
	"time"
)

// job is a function that is called at intervals, with the time since the start of the program.
type job struct {
	every time.Duration
	do    func(context.Context, time.Duration) error
}

// beside starts jobs that have no time limit. Their errors are only logged: the cloud or containerd may be
// unreachable. The returned function stops the jobs.
func beside(jobs []job, start time.Time) func() {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, each := range jobs {
		running.Go(func() {
			ticker := time.NewTicker(each.every)
			defer ticker.Stop()
			for said := ""; ctx.Err() == nil; {
				err := each.once(ctx, time.Since(start))
				if ctx.Err() == nil {
					said = sayOnce(said, err)
				}
				select {
				case <-ctx.Done():
				case <-ticker.C:
				}
			}
		})
	}
	return func() {
		cancel()
		running.Wait()
	}
}

// once runs the job. A panic becomes an error, so that it does not end the program.
func (j job) once(ctx context.Context, running time.Duration) (err error) {
	defer func() {
		if found := recover(); found != nil {
			err = fmt.Errorf("failed: %v", found)
		}
	}()
	return j.do(ctx, running)
}

// sayOnce logs an error if it differs from the previous one.
func sayOnce(before string, err error) string {
	if err == nil {
		return ""
	}
	if err.Error() != before {
		log.Print(err)
	}
	return err.Error()
}
