"""The controller of NodeTasks: a loop over the objects of the API that runs the engine for each task."""
