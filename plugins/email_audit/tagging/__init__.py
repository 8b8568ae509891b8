"""Run the spaCy pipeline over messages: does this mention civil immigration enforcement?"""
