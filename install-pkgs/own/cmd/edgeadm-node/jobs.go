package main

import (
	"context"
	"fmt"
	"log"
	"sync"
	"time"
)

// job is what is done every now and then; it is told how long the program has been running.
type job struct {
	every time.Duration
	do    func(context.Context, time.Duration) error
}

// beside starts jobs that may take as long as they like. What goes wrong with them is told, and no more: the cloud or
// containerd may be away. What is returned ends them.
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

// once does the job, and makes a fault of what would end the whole program.
func (j job) once(ctx context.Context, running time.Duration) (err error) {
	defer func() {
		if found := recover(); found != nil {
			err = fmt.Errorf("given up: %v", found)
		}
	}()
	return j.do(ctx, running)
}

// sayOnce tells of a fault when it is new, not in every round.
func sayOnce(before string, err error) string {
	if err == nil {
		return ""
	}
	if err.Error() != before {
		log.Print(err)
	}
	return err.Error()
}
