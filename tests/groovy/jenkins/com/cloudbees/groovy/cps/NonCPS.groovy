package com.cloudbees.groovy.cps

import java.lang.annotation.ElementType
import java.lang.annotation.Target

/** Marks what runs in one go, between two steps. */
@Target(ElementType.METHOD)
@interface NonCPS { }
